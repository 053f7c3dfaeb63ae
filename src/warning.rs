//! Warning.
