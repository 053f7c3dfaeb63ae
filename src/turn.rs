//! Turn.
