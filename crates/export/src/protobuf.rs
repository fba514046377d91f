//! As much of protobuf as OTLP needs: fields written one after the other, and the few of a reply read.

use std::iter;

/// How a field's value is laid out.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

/// A message that grows field by field.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, LENGTH);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message within this one.
    pub(crate) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }

    fn tag(&mut self, field: u32, layout: u32) {
        self.raw_varint((field << 3 | layout).into());
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A field that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'b> {
    Varint(u64),
    Bytes(&'b [u8]),
    /// A number of fixed length, which nobody asks for.
    Fixed,
}

/// The fields of a message, up to the first that makes no sense.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    iter::from_fn(move || {
        let tag = take_varint(&mut bytes)?;
        let layout = u32::try_from(tag & 7).ok()?;
        let value = match layout {
            VARINT => Value::Varint(take_varint(&mut bytes)?),
            LENGTH => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                Value::Bytes(bytes.split_off(..length)?)
            }
            FIXED64 => bytes.split_off(..8).map(|_| Value::Fixed)?,
            FIXED32 => bytes.split_off(..4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Message::default();
        for value in [0, 127, 128, 300, u64::MAX] {
            message.varint(1, value);
        }
        message.fixed64(2, 7);
        message.message(16, |inner| inner.text(3, "within"));
        let bytes = message.into_bytes();
        let found: Vec<_> = fields(&bytes).collect();
        let numbers = [0, 127, 128, 300, u64::MAX].map(|value| (1, Value::Varint(value)));
        assert_eq!(found[..5], numbers);
        assert_eq!(found[5], (2, Value::Fixed));
        let (16, Value::Bytes(inner)) = found[6] else { panic!("{found:?}") };
        assert_eq!(fields(inner).collect::<Vec<_>>(), [(3, Value::Bytes(b"within"))]);
    }

    #[test]
    fn what_makes_no_sense_ends_it() {
        for senseless in [&b"\x0a\x05ab"[..], b"\x08\xff", b"\x0b", b"\x09\x01", &[0xff; 12]] {
            assert_eq!(fields(senseless).count(), 0, "{senseless:?}");
        }
    }
}
