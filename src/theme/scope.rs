//! The scopes: what a piece of the screen means, as a dotted name. A scope without a style of its own takes its fallback's.

/// Declares the closed list of scopes once: variant, name, fallback, doc.
macro_rules! scopes {
    ($( $variant:ident $name:literal $($fallback:ident)? , $doc:literal; )+) => {
        /// What a piece of the screen means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $( #[doc = $doc] $variant, )+
        }

        impl Scope {
            /// All of them; a scope's fallback stands before it.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its dotted name in a theme file.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it stands for.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $( Self::$variant => $doc, )+ }
            }

            /// The scope whose style shows through where this one says nothing.
            #[must_use]
            #[allow(unreachable_patterns, reason = "scopes without a fallback leave no arm")]
            pub fn fallback(self) -> Option<Self> {
                match self {
                    $( $( Self::$variant => Some(Self::$fallback), )? )+
                    _ => None,
                }
            }
        }
    };
}

scopes! {
    Text "text", "Text that is nothing special, and the background behind everything";
    TextMuted "text.muted" Text, "Text that matters less";
    TextStrong "text.strong" Text, "Text that matters more";
    TextQuote1 "text.quote-1" TextMuted, "Quoted text";
    TextQuote2 "text.quote-2" TextQuote1, "Text quoted twice";
    TextQuote3 "text.quote-3" TextQuote2, "Text quoted three times or more";
    TextLink "text.link" Text, "The target of a link";
    TextMatch "text.match" TextStrong, "What was searched for";
    HeaderName "header.name" TextMuted, "The name of a header field";
    HeaderValue "header.value" Text, "The value of a header field";
    HeaderSubject "header.subject" TextStrong, "The subject of an open message";
    Border "border" TextMuted, "Lines between panes";
    BorderFocused "border.focused" Border, "Lines around the pane that has the keys";
    Title "title" TextStrong, "The title of a screen or pane";
    ListRow "list.row" Text, "A row of a list";
    ListUnread "list.unread" TextStrong, "A row with something unread";
    ListFlagged "list.flagged" ListRow, "The mark of a flagged row";
    ListDeleted "list.deleted" TextMuted, "A row that is marked deleted";
    ListSelected "list.selected" ListRow, "The row at the cursor";
    ListHeading "list.heading" TextMuted, "The headings of columns";
    ListCount "list.count" TextMuted, "Numbers in a list";
    ListTree "list.tree" TextMuted, "The lines of a thread's tree";
    ListDate "list.date" TextMuted, "Dates in a list";
    ListCase "list.case" Text, "The identifier of a case";
    ListAttachment "list.attachment" Text, "The mark of an attachment";
    ListPending "list.pending" TextMuted, "The mark of a change that has not reached the server";
    ToneGood "tone.good" Text, "A sentence of ours: as it should be";
    TonePlain "tone.plain" Text, "A sentence of ours: a fact";
    ToneWarning "tone.warning" TextStrong, "A sentence of ours: worth a look";
    ToneAlarm "tone.alarm" ToneWarning, "A sentence of ours: something is wrong";
    SignatureGood "signature.good" ToneGood, "A signature that holds";
    SignatureUnknown "signature.unknown" ToneWarning, "A signature by a key that is not known or not decided on";
    SignatureBad "signature.bad" ToneAlarm, "A signature that does not hold";
    EncryptionSealed "encryption.sealed" ToneGood, "Encrypted, and opened here";
    EncryptionClosed "encryption.closed" ToneWarning, "Encrypted, and not opened here";
    EncryptionClear "encryption.clear" TonePlain, "Not encrypted";
    CarriedCjsm "carried.cjsm" TonePlain, "Carried by CJSM";
    CarriedGov "carried.gov" TonePlain, "Carried by a government domain";
    CarriedFirm "carried.firm" TonePlain, "Carried within the firm";
    CarriedOpen "carried.open" ToneWarning, "Carried by the open internet";
    Status "status" Text, "The status line";
    StatusOnline "status.online" Status, "The connection: up to date";
    StatusSyncing "status.syncing" Status, "The connection: fetching";
    StatusOffline "status.offline" Status, "The connection: none";
    StatusPosition "status.position" Status, "Where one is in the list or text";
    StatusPending "status.pending" Status, "Keys that were pressed and wait for more";
    KeyHint "key.hint" TextStrong, "A key in a hint or in the help";
    KeyDoc "key.doc" TextMuted, "What a key does";
    FieldName "field.name" TextMuted, "The name of a field that is typed into";
    FieldText "field.text" Text, "What was typed";
    FieldFocused "field.focused" FieldText, "The field that is being typed into";
    FieldInvalid "field.invalid" ToneAlarm, "What was typed cannot be right";
    FieldCompletion "field.completion" TextMuted, "What could complete it";
    Popup "popup" Text, "The background of what lies over a screen";
    PopupTitle "popup.title" Title, "Its title";
    PopupSelected "popup.selected" ListSelected, "The row at the cursor in it";
    OutboxWaiting "outbox.waiting" TonePlain, "A row of the outbox that waits";
    OutboxSending "outbox.sending" TonePlain, "A row of the outbox that is being sent";
    OutboxSent "outbox.sent" ToneGood, "A row of the outbox that was sent";
    OutboxFailed "outbox.failed" ToneAlarm, "A row of the outbox that was refused or whose fate is not known";
}

impl Scope {
    /// The scope of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }

    /// Whether it marks one thing among others by its background: without colours it is reversed.
    #[must_use]
    pub fn stands_out(self) -> bool {
        matches!(self, Self::ListSelected | Self::PopupSelected | Self::TextMatch | Self::Status)
            || self.fallback() == Some(Self::Status)
    }

    /// Whether it is read rather than seen: lines and frames are not.
    #[must_use]
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Border | Self::BorderFocused | Self::ListTree)
    }

    /// Itself, then what shows through it.
    pub fn chain(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |scope| scope.fallback())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Scope;

    #[test]
    fn names_are_unique_and_fallbacks_stand_before() {
        let mut seen = BTreeSet::new();
        for scope in Scope::ALL {
            if let Some(fallback) = scope.fallback() {
                assert!(seen.contains(fallback.name()), "{} falls back on {}", scope.name(), fallback.name());
            }
            assert!(seen.insert(scope.name()), "{} is there twice", scope.name());
            assert_eq!(Scope::from_name(scope.name()), Some(*scope));
            assert_eq!(scope.chain().last(), Some(Scope::Text));
        }
    }
}
