//! [`Answer`]: what a server has answered, as spans and metrics look at it.

use redis::Value;

/// What a server has answered.
pub(crate) trait Answer {
    /// Returns the code of the first error in it.
    fn error_code(&self) -> Option<&str>;
}

impl Answer for Value {
    fn error_code(&self) -> Option<&str> {
        match self {
            Value::ServerError(error) => Some(error.code()),
            _ => None,
        }
    }
}

impl Answer for Vec<Value> {
    fn error_code(&self) -> Option<&str> {
        self.iter().find_map(Value::error_code)
    }
}
