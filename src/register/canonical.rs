//! One way to write a value: the JSON Canonicalization Scheme (RFC 8785), without fractions.
//!
//! Members in the order of their names, no white space, the shortest escapes. Numbers are whole and fit in 53 bits, so that every reader
//! of JSON reads them alike; names of members are ASCII, so that every order of characters is the same one.

use serde::Serialize;
use serde_json::Value;

/// The greatest whole number that every reader of JSON reads alike (RFC 8259 §6).
const NUMBER_MAX: u64 = (1 << 53) - 1;
/// How deep values are nested at most.
const DEPTH_MAX: usize = 24;

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A fraction, or a number that not every reader of JSON reads alike.
    #[error("the number {0} cannot be written into the register")]
    Number(String),
    /// A member with a name that is not ASCII.
    #[error("the name {0:?} cannot be written into the register")]
    Name(String),
    /// Nested too deep.
    #[error("the value is nested too deep for the register")]
    Depth,
    /// The value has no form in JSON.
    #[error("the value cannot be written into the register: {0}")]
    Value(String),
}

/// Writes a value.
///
/// # Errors
/// [`CanonicalError`].
pub fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(|error| CanonicalError::Value(error.to_string()))?;
    let mut bytes = Vec::with_capacity(512);
    write_value(&value, &mut bytes, 0)?;
    Ok(bytes)
}

fn write_value(value: &Value, bytes: &mut Vec<u8>, depth: usize) -> Result<(), CanonicalError> {
    if depth > DEPTH_MAX {
        return Err(CanonicalError::Depth);
    }
    match value {
        Value::Null => bytes.extend_from_slice(b"null"),
        Value::Bool(true) => bytes.extend_from_slice(b"true"),
        Value::Bool(false) => bytes.extend_from_slice(b"false"),
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if magnitude.is_none_or(|magnitude| magnitude > NUMBER_MAX) {
                return Err(CanonicalError::Number(number.to_string()));
            }
            bytes.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => write_text(text, bytes)?,
        Value::Array(items) => {
            bytes.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                write_value(item, bytes, depth.saturating_add(1))?;
            }
            bytes.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            bytes.push(b'{');
            for (at, (name, value)) in sorted.into_iter().enumerate() {
                if !name.is_ascii() {
                    return Err(CanonicalError::Name(name.clone()));
                }
                if at > 0 {
                    bytes.push(b',');
                }
                write_text(name, bytes)?;
                bytes.push(b':');
                write_value(value, bytes, depth.saturating_add(1))?;
            }
            bytes.push(b'}');
        }
    }
    Ok(())
}

/// serde_json escapes as RFC 8785 §3.2.2.2 wants it: the short escapes, `\u00xx` in lower case, all else as it is.
fn write_text(text: &str, bytes: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(bytes, text).map_err(|error| CanonicalError::Value(error.to_string()))
}

/// Whether these bytes are a value written in the one way.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes)
        .ok()
        .and_then(|value| write(&value).ok())
        .is_some_and(|written| written == bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{CanonicalError, is_canonical, write};

    fn text(value: &Value) -> String {
        String::from_utf8(write(value).unwrap()).unwrap()
    }

    #[test]
    fn members_are_sorted_and_escapes_are_the_shortest() {
        let value = json!({"b": [1, -2, null], "a": {"z": true, "y": "\u{20ac}$\u{f}\u{a}A'\"\\\u{7f}"}, "": 0});
        assert_eq!(
            text(&value),
            "{\"\":0,\"a\":{\"y\":\"\u{20ac}$\\u000f\\nA'\\\"\\\\\u{7f}\",\"z\":true},\"b\":[1,-2,null]}"
        );
    }

    #[test]
    fn what_readers_would_read_differently_is_refused() {
        assert!(matches!(write(&json!(1.5)), Err(CanonicalError::Number(_))));
        assert!(matches!(write(&json!(1_u64 << 53)), Err(CanonicalError::Number(_))));
        assert!(write(&json!((1_u64 << 53) - 1)).is_ok());
        assert!(matches!(write(&json!({"\u{e9}": 1})), Err(CanonicalError::Name(_))));
        let mut deep = json!(1);
        for _ in 0..30 {
            deep = json!([deep]);
        }
        assert_eq!(write(&deep), Err(CanonicalError::Depth));
    }

    #[test]
    fn another_way_to_write_the_same_is_noticed() {
        assert!(is_canonical(br#"{"a":1,"b":"x"}"#));
        for other in
            [r#"{"b":"x","a":1}"#, r#"{"a":1, "b":"x"}"#, r#"{"a":1,"b":"\u0078"}"#, r#"{"a":1e0,"b":"x"}"#, "", "{"]
        {
            assert!(!is_canonical(other.as_bytes()), "{other}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53) + 1..(1_i64 << 53)).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{0,6}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_written_so_again(value in value()) {
            let bytes = write(&value).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Value>(&bytes).unwrap(), &value);
            prop_assert!(is_canonical(&bytes));
        }
    }
}
