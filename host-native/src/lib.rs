//! Cold storage for rows.
