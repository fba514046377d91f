//! Words and numbers, of which the scan knows the grammar and not the value.

use super::{Flaw, Scanner};

impl Scanner<'_> {
    /// Scans a word that is known by its first letter.
    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), Flaw> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        self.at += rest.iter().zip(word).take_while(|(found, expected)| found == expected).count();
        Err(self.unexpected())
    }

    /// Scans a number, up to the first byte that is not of it.
    pub(super) fn number(&mut self) -> Result<(), Flaw> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(self.unexpected()) } else { Ok(()) }
    }
}
