//! What is open around a place in JSON text, a bit for each level.

/// The objects and arrays that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Levels {
    depth: usize,
    /// The kinds of the innermost levels, up to 64, the last as the lowest bit: 1 for an object.
    inner: u64,
    /// The kinds of those around them, 64 in each word. Few texts have any, so that few allocate.
    outer: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

impl Levels {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The innermost.
    #[inline]
    pub(super) fn last(&self) -> Option<Container> {
        let kind = if self.inner & 1 == 1 { Container::Object } else { Container::Array };
        (self.depth > 0).then_some(kind)
    }

    #[inline]
    pub(super) fn push(&mut self, container: Container) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.inner);
        }
        self.inner = self.inner << 1 | u64::from(container == Container::Object);
        self.depth += 1;
    }

    /// Closes the innermost, if there is one.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.inner >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.inner = self.outer.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_a_stack_of_any_depth() {
        let mut levels = Levels::default();
        let mut expected = Vec::new();
        for step in 0..1_000u32 {
            // Goes up by four and down by three, past 64 and 128 many times.
            if step % 7 < 4 {
                let container = if step % 3 == 0 { Container::Object } else { Container::Array };
                levels.push(container);
                expected.push(container);
            } else {
                levels.pop();
                expected.pop();
            }
            assert_eq!((levels.depth(), levels.last()), (expected.len(), expected.last().copied()), "{step}");
        }
        while expected.pop().is_some() {
            levels.pop();
            assert_eq!((levels.depth(), levels.last()), (expected.len(), expected.last().copied()));
        }
    }
}
