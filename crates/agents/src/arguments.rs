//! The texts of a command line: LiteLLM's spelling made ours, an agent's left alone, and values as people write them.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use trunkline_core::Environment;

/// The arguments with `_` in the names of long flags made `-`: LiteLLM takes both.
///
/// What follows `--run` is for the agent that is started, and what follows `--` is no flag.
pub fn normalized(arguments: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut flags_over = false;
    arguments.map(move |argument| {
        flags_over |= matches!(argument.as_str(), "--" | "--run");
        if flags_over || !argument.starts_with("--") {
            return argument;
        }
        match argument.split_once('=') {
            Some((name, value)) => format!("{}={value}", name.replace('_', "-")),
            None => argument.replace('_', "-"),
        }
    })
}

/// An address to listen on; `localhost` is one.
///
/// # Errors
///
/// If it is none: the text says what to give.
pub fn address(text: &str) -> Result<IpAddr, String> {
    let text = if text == "localhost" { "127.0.0.1" } else { text };
    text.parse().map_err(|_| "not an address; give one such as 127.0.0.1 or 0.0.0.0".to_owned())
}

/// A wait in seconds, with a fraction or without.
///
/// # Errors
///
/// If it is no number above 0.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wait = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wait.filter(|wait| !wait.is_zero()).ok_or_else(|| "not a number of seconds above 0".to_owned())
}

/// A whole number from 0.
///
/// # Errors
///
/// If it is none, or too large: the text says what to give.
pub fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| format!("not a whole number from 0 to {}", largest::<N>()))
}

/// A number from a flag, else from a variable, else what it is where neither says so.
///
/// # Errors
///
/// If the variable is no such number, and there is no flag.
pub fn number<N: FromStr>(
    flag: Option<N>,
    environment: &Environment,
    variable: &str,
    otherwise: N,
) -> Result<N, String> {
    let text = environment.get(variable).filter(|_| flag.is_none());
    let Some(text) = text else { return Ok(flag.unwrap_or(otherwise)) };
    text.trim().parse().map_err(|_| format!("the variable {variable} is `{text}`, which will not do"))
}

fn largest<N>() -> u128 {
    u128::MAX >> (128 - 8 * size_of::<N>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(whole::<u16>("4000"), Ok(4000));
        for text in ["abc", "", "-1", "65536"] {
            assert_eq!(whole::<u16>(text), Err("not a whole number from 0 to 65535".to_owned()), "{text}");
        }
        assert_eq!(address("localhost"), Ok(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(address("::"), Ok(IpAddr::from([0; 16])));
        assert_eq!(
            address("example.com"),
            Err("not an address; give one such as 127.0.0.1 or 0.0.0.0".to_owned())
        );
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["0", "-1", "NaN", "soon", "1e300"] {
            assert_eq!(seconds(text), Err("not a number of seconds above 0".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_flag_goes_before_a_variable() {
        let of = |text: &str| Environment::from_iter([("PORT", text)]);
        assert_eq!(number(Some(1_u16), &of("x"), "PORT", 4000), Ok(1));
        assert_eq!(number(None, &of(" 2 "), "PORT", 4000_u16), Ok(2));
        assert_eq!(number(None, &Environment::default(), "PORT", 4000_u16), Ok(4000));
        let refused = Err("the variable PORT is `65536`, which will not do".to_owned());
        assert_eq!(number(None, &of("65536"), "PORT", 4000_u16), refused);
    }

    #[test]
    fn only_the_names_of_our_own_flags_change() {
        let check = |given: &str, expected: &str| {
            let words = normalized(given.split(' ').map(str::to_owned)).collect::<Vec<_>>();
            assert_eq!(words.join(" "), expected);
        };
        check("trunkline --api_base=http://x/a_b -m a_b", "trunkline --api-base=http://x/a_b -m a_b");
        check("trunkline --num_workers 2 -- --a_b", "trunkline --num-workers 2 -- --a_b");
        check("trunkline claude --run --max_turns 2", "trunkline claude --run --max_turns 2");
    }
}
