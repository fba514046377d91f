//! Documents and the JSON readers beneath them, from the outside: tables of cases, properties, and a second opinion.

mod edits;
mod generators;
mod invariants;
mod oracle;
mod parsing;
mod properties;
mod readers;
mod reads;
