//! Holds the JSON Schemas to the readers.
