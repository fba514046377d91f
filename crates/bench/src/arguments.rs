//! The command line: a subcommand, and flags that each have one value or none.

/// What the flags of one subcommand say.
#[derive(Debug)]
pub(crate) struct Arguments {
    flags: Vec<(String, Option<String>)>,
}

impl Arguments {
    /// Reads `--name value` and `--name=value`; what stands in `switches` has no value.
    ///
    /// # Errors
    ///
    /// Names what is no flag of this subcommand, and what lacks its value.
    pub(crate) fn parse(
        words: impl IntoIterator<Item = String>,
        valued: &[&str],
        switches: &[&str],
    ) -> Result<Self, String> {
        let mut flags = Vec::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--") else { return Err(format!("`{word}` is no flag")) };
            let (name, given) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            if switches.contains(&name) && given.is_none() {
                flags.push((name.to_owned(), None));
            } else if valued.contains(&name) {
                let value =
                    given.or_else(|| words.next()).ok_or_else(|| format!("--{name} lacks its value"))?;
                flags.push((name.to_owned(), Some(value)));
            } else {
                let known: Vec<String> =
                    valued.iter().chain(switches).map(|name| format!("--{name}")).collect();
                return Err(format!("`{word}` is not known here; known are {}", known.join(", ")));
            }
        }
        Ok(Self { flags })
    }

    /// Whether a switch was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, _)| flag == name)
    }

    /// The value of a flag; the last one counts.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(flag, _)| flag == name).and_then(|(_, value)| value.as_deref())
    }

    /// The value of a flag as a number, or what it is without the flag.
    ///
    /// # Errors
    ///
    /// Names the flag whose value is none.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str, otherwise: N) -> Result<N, String> {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        text.parse().map_err(|_| format!("--{name} is `{text}`, which is no number that will do"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned), &["rounds", "out"], &["quick"])
    }

    #[test]
    fn flags_have_values_and_switches_have_none() {
        let arguments = parse("--rounds 7 --quick --out=a=b").expect("all are known");
        assert_eq!(arguments.number("rounds", 5), Ok(7));
        assert_eq!(arguments.text("out"), Some("a=b"));
        assert!(arguments.has("quick"));
        assert_eq!(parse("").expect("nothing").number("rounds", 5), Ok(5));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |line: &str| parse(line).expect_err("it is wrong");
        assert_eq!(refused("--rounds"), "--rounds lacks its value");
        assert_eq!(refused("quick"), "`quick` is no flag");
        assert_eq!(refused("--slow"), "`--slow` is not known here; known are --rounds, --out, --quick");
        let seven = parse("--rounds seven").expect("it is a flag").number("rounds", 5);
        assert_eq!(seven, Err("--rounds is `seven`, which is no number that will do".to_owned()));
    }
}
