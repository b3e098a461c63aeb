//! Replies in a notation without lengths, in which a small change of the text is a small change of the reply:
//! `[1 "bulk string" +simple ~ {"key" "value"} >["push"] !NOPERM of a server!]`, where `~` is nil.

use redis::{PushKind, Value};

/// The deepest nesting that is read: a text can hold any.
const MAX_DEPTH: usize = 32;

/// Returns the values in `text`, in order; what is none is left out.
pub fn values(text: &[u8]) -> Vec<Value> {
    let mut reader = Reader { text, depth: 0 };
    let mut values = Vec::new();
    while !reader.text.is_empty() {
        values.extend(reader.value());
    }
    values
}

struct Reader<'a> {
    text: &'a [u8],
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Reads a value, or takes one byte that begins none.
    fn value(&mut self) -> Option<Value> {
        let (first, rest) = self.text.split_first()?;
        self.text = rest;
        match first {
            b'~' => Some(Value::Nil),
            b'[' => self.list(b']').map(Value::Array),
            b'>' => {
                let data = self.list(b']')?;
                let kind = PushKind::Message;
                Some(Value::Push { kind, data })
            }
            b'{' => {
                let list = self.list(b'}')?;
                let pairs = list.chunks_exact(2);
                let pairs = pairs.map(|pair| (pair[0].clone(), pair[1].clone()));
                Some(Value::Map(pairs.collect()))
            }
            b'"' => {
                let bytes = self.until(|byte| byte == b'"');
                self.text = self.text.get(1..).unwrap_or_default();
                Some(Value::BulkString(bytes.to_vec()))
            }
            b'+' => {
                let bytes = self.until(|byte| b" \n]}".contains(&byte));
                String::from_utf8(bytes.to_vec())
                    .ok()
                    .map(Value::SimpleString)
            }
            b'!' => {
                let bytes = self.until(|byte| b"!\r\n".contains(&byte));
                self.text = self.text.get(1..).unwrap_or_default();
                redis::parse_redis_value(&[b"-", bytes, b"\r\n"].concat()).ok()
            }
            b'-' | b'0'..=b'9' => {
                let digits = self.until(|byte| !byte.is_ascii_digit());
                let number = [&[*first], digits].concat();
                let number = std::str::from_utf8(&number).ok()?;
                number.parse().ok().map(Value::Int)
            }
            _ => None,
        }
    }

    fn list(&mut self, end: u8) -> Option<Vec<Value>> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let mut list = Vec::new();
        while let Some(first) = self.text.first() {
            if *first == end {
                self.text = &self.text[1..];
                break;
            }
            list.extend(self.value());
        }
        self.depth -= 1;
        Some(list)
    }

    fn until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.text.iter().position(|byte| is_end(*byte));
        let (taken, rest) = self.text.split_at(end.unwrap_or(self.text.len()));
        self.text = rest;
        taken
    }
}

/// The texts and the numbers in a value: what a server can have meant by a host and by a port.
#[derive(Default)]
pub struct Words {
    pub texts: Vec<String>,
    pub numbers: Vec<i64>,
}

impl Words {
    pub fn of(value: &Value) -> Words {
        let mut words = Words::default();
        words.add(value);
        words
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::BulkString(bytes) => {
                self.texts.extend(String::from_utf8(bytes.clone()));
            }
            Value::SimpleString(text) => self.texts.push(text.clone()),
            Value::Int(number) => self.numbers.push(*number),
            Value::Array(values) | Value::Push { data: values, .. } => {
                values.iter().for_each(|value| self.add(value));
            }
            Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
                self.add(key);
                self.add(value);
            }),
            _ => {}
        }
    }
}
