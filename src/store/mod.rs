//! Sealed stores: the sled cache, the redb state store, large bodies as files.
