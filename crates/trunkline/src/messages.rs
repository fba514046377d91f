//! The conversation that a call carries, from whatever form it is at hand in.

use trunkline_openai::chat::Message;

/// A conversation. A text is one message of the user's; arrays, vectors and slices of messages are taken as they
/// are, and any iterator of messages can be collected into one.
///
/// ```
/// use trunkline::{Message, Messages};
///
/// let told = Messages::from("hello");
/// let built = Messages::from([Message::user("hello")]);
/// let collected: Messages = ["hello"].into_iter().map(Message::user).collect();
/// assert_eq!((&told, &told), (&built, &collected));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages(Vec<Message>);

impl Messages {
    pub(crate) fn into_vec(self) -> Vec<Message> {
        self.0
    }
}

impl<M: Into<Message>> FromIterator<M> for Messages {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        Self(messages.into_iter().map(Into::into).collect())
    }
}

impl From<&str> for Messages {
    fn from(text: &str) -> Self {
        Message::user(text).into()
    }
}

impl From<String> for Messages {
    fn from(text: String) -> Self {
        Message::user(text).into()
    }
}

impl From<&String> for Messages {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Message> for Messages {
    fn from(message: Message) -> Self {
        Self(vec![message])
    }
}

impl<M: Into<Message>> From<Vec<M>> for Messages {
    fn from(messages: Vec<M>) -> Self {
        messages.into_iter().collect()
    }
}

impl<M: Into<Message>, const N: usize> From<[M; N]> for Messages {
    fn from(messages: [M; N]) -> Self {
        messages.into_iter().collect()
    }
}

impl From<&[Message]> for Messages {
    fn from(messages: &[Message]) -> Self {
        Self(messages.to_vec())
    }
}

impl From<&Vec<Message>> for Messages {
    fn from(messages: &Vec<Message>) -> Self {
        Self(messages.clone())
    }
}

impl<const N: usize> From<&[Message; N]> for Messages {
    fn from(messages: &[Message; N]) -> Self {
        Self(messages.to_vec())
    }
}
