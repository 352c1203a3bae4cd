//! Panics that are awaited: a library that gives up inside over what it has read is caught by whoever called it and told in words of ours, so that the
//! hook that reports panics has nothing to add.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Counts down also where the work panics and nobody catches it.
struct Awaited;

impl Drop for Awaited {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// Does work in which a panic on this thread is awaited, and caught by it.
pub(super) fn calmly<T>(work: impl FnOnce() -> T) -> T {
    DEPTH.with(|depth| depth.set(depth.get().saturating_add(1)));
    let _awaited = Awaited;
    work()
}

/// Whether a panic on this thread is caught and told by whoever awaits it.
#[must_use]
pub fn is_awaited() -> bool {
    DEPTH.with(Cell::get) > 0
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::{calmly, is_awaited};

    #[test]
    fn panics_are_awaited_only_within() {
        assert!(!is_awaited());
        let caught = calmly(|| {
            assert!(is_awaited());
            catch_unwind(|| calmly(|| panic!("planted"))).is_err() && is_awaited()
        });
        assert!(caught && !is_awaited());
    }
}
