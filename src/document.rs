//! Document.

/// Part of a document that is being read.
#[derive(Debug)]
pub struct Section<'a>(&'a ());
