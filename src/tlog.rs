//! Tlog.
