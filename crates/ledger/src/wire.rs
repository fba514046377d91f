//! How values stand in the ledger's records: numbers of as many bytes as they need, texts with their length before them.

use rust_decimal::Decimal;
use trunkline_core::Usage;

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A later version wrote it.
    Version(u8),
    /// It ends too early, or holds what cannot be.
    Malformed,
}

/// Writes values behind one another.
pub(crate) trait Write {
    fn number(&mut self, number: u64);
    fn text(&mut self, text: &str);

    /// A number near zero, on either side.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    fn optional_number(&mut self, number: Option<u64>) {
        self.number(number.map_or(0, |number| number.saturating_add(1)));
    }

    fn optional_text(&mut self, text: Option<&str>);
    fn money(&mut self, amount: Option<Decimal>);
    fn usage(&mut self, usage: Option<&Usage>);
}

impl Write for Vec<u8> {
    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            None => self.push(0),
            Some(text) => {
                self.number(text.len() as u64 + 1);
                self.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn money(&mut self, amount: Option<Decimal>) {
        match amount {
            None => self.push(0),
            Some(amount) => {
                self.push(1);
                self.extend_from_slice(&amount.serialize());
            }
        }
    }

    fn usage(&mut self, usage: Option<&Usage>) {
        let Some(usage) = usage else { return self.push(0) };
        self.push(if usage.inconsistent { 2 } else { 1 });
        for tokens in [
            usage.uncached_input,
            usage.cache_read,
            usage.cache_write,
            usage.audio_input,
            usage.output,
            usage.reasoning,
            usage.audio_output,
            usage.image_output,
        ] {
            self.number(tokens);
        }
    }
}

/// Reads values in the order in which they were written.
#[derive(Debug)]
pub(crate) struct Read<'b>(&'b [u8]);

type Result<T> = std::result::Result<T, Unreadable>;

impl<'b> Read<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Unreadable::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| Unreadable::Malformed)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unreadable::Malformed)
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn optional_number(&mut self) -> Result<Option<u64>> {
        Ok(self.number()?.checked_sub(1))
    }

    /// How many items follow. Each takes a byte at least, so that a count cannot ask for more memory than there are bytes.
    pub(crate) fn count(&mut self) -> Result<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| Unreadable::Malformed)?;
        if count > self.0.len() { Err(Unreadable::Malformed) } else { Ok(count) }
    }

    pub(crate) fn text(&mut self) -> Result<&'b str> {
        let length = self.count()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Unreadable::Malformed)
    }

    pub(crate) fn string(&mut self) -> Result<String> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn optional_string(&mut self) -> Result<Option<String>> {
        let Some(length) = self.optional_number()? else { return Ok(None) };
        let length = usize::try_from(length).map_err(|_| Unreadable::Malformed)?;
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| Unreadable::Malformed)?;
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn money(&mut self) -> Result<Option<Decimal>> {
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(Decimal::deserialize(self.array()?))),
            _ => Err(Unreadable::Malformed),
        }
    }

    pub(crate) fn usage(&mut self) -> Result<Option<Usage>> {
        let inconsistent = match self.byte()? {
            0 => return Ok(None),
            1 => false,
            2 => true,
            _ => return Err(Unreadable::Malformed),
        };
        Ok(Some(Usage {
            uncached_input: self.number()?,
            cache_read: self.number()?,
            cache_write: self.number()?,
            audio_input: self.number()?,
            output: self.number()?,
            reasoning: self.number()?,
            audio_output: self.number()?,
            image_output: self.number()?,
            inconsistent,
            lacks_output: false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for number in [0, 1, 0x7F, 0x80, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            bytes.number(number);
            assert_eq!(Read::new(&bytes).number(), Ok(number));
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            let mut bytes = Vec::new();
            bytes.signed(number);
            assert_eq!(Read::new(&bytes).signed(), Ok(number));
        }
    }

    #[test]
    fn money_keeps_every_digit() {
        for text in ["0", "0.00", "-1.5", "79228162514264337593543950335", "0.0000000000000000000000000001"] {
            let amount: Decimal = text.parse().expect("a decimal");
            let mut bytes = Vec::new();
            bytes.money(Some(amount));
            let read = Read::new(&bytes).money().expect("is read").expect("is there");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_ends_early_is_an_error() {
        assert_eq!(Read::new(&[0x80]).number(), Err(Unreadable::Malformed));
        assert_eq!(Read::new(&[5, b'a']).text(), Err(Unreadable::Malformed));
        assert_eq!(Read::new(&[0xFF; 12]).number(), Err(Unreadable::Malformed));
        assert_eq!(Read::new(&[1, 0]).money(), Err(Unreadable::Malformed));
    }
}
