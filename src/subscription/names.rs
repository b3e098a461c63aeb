//! [`ChannelNames`]: what can be subscribed to.

use std::borrow::Cow;

/// Stands for the names of channels or patterns: a text or bytes, or a slice, an array or a `Vec` of them.
///
/// ```no_run
/// # async fn example(client: redis_ready::Client, rooms: Vec<String>) -> Result<(), redis_ready::Error> {
/// let one = client.subscribe("news").await?;
/// let two = client.subscribe(["news", "weather"]).await?;
/// let many = client.subscribe(&rooms).await?;
/// let binary = client.subscribe(b"\x00\xff").await?;
/// # drop((one, two, many, binary));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name of a channel, and no list of them",
    note = "texts, bytes, and slices, arrays and `Vec`s of them are"
)]
pub trait ChannelNames: sealed::Names {}

impl<T: sealed::Names> ChannelNames for T {}

mod sealed {
    /// One name.
    pub trait Name {
        fn into_name(self) -> Vec<u8>;
    }

    /// Any number of names.
    pub trait Names {
        fn into_names(self) -> Vec<Vec<u8>>;
    }
}

use self::sealed::Name;
pub(super) use self::sealed::Names;

macro_rules! names {
    ($({$($generic:tt)*} $type:ty,)*) => {
        $(
            impl<$($generic)*> Name for $type {
                fn into_name(self) -> Vec<u8> {
                    let name: &[u8] = self.as_ref();
                    name.to_vec()
                }
            }

            impl<$($generic)*> Names for $type {
                fn into_names(self) -> Vec<Vec<u8>> {
                    vec![self.into_name()]
                }
            }
        )*
    };
}

names! {
    {} &str,
    {} String,
    {} &String,
    {} &[u8],
    {const N: usize} &[u8; N],
    {const N: usize} [u8; N],
    {} Vec<u8>,
    {} &Vec<u8>,
}

impl Name for &&str {
    fn into_name(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Name for &&String {
    fn into_name(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Name for &&[u8] {
    fn into_name(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Name for Cow<'_, str> {
    fn into_name(self) -> Vec<u8> {
        self.into_owned().into_bytes()
    }
}

impl Names for Cow<'_, str> {
    fn into_names(self) -> Vec<Vec<u8>> {
        vec![self.into_name()]
    }
}

impl<T: Name> Names for Vec<T> {
    fn into_names(self) -> Vec<Vec<u8>> {
        self.into_iter().map(T::into_name).collect()
    }
}

impl<'a, T> Names for &'a Vec<T>
where
    &'a T: Name,
{
    fn into_names(self) -> Vec<Vec<u8>> {
        self.iter().map(Name::into_name).collect()
    }
}

impl<'a, T> Names for &'a [T]
where
    &'a T: Name,
{
    fn into_names(self) -> Vec<Vec<u8>> {
        self.iter().map(Name::into_name).collect()
    }
}

impl<T: Name, const N: usize> Names for [T; N] {
    fn into_names(self) -> Vec<Vec<u8>> {
        self.into_iter().map(T::into_name).collect()
    }
}

impl<'a, T, const N: usize> Names for &'a [T; N]
where
    &'a T: Name,
{
    fn into_names(self) -> Vec<Vec<u8>> {
        self.iter().map(Name::into_name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: impl ChannelNames, expected: &[&str]) {
        let names = names.into_names();
        assert_eq!(
            names,
            expected
                .iter()
                .map(|name| name.as_bytes())
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn texts_bytes_and_lists_of_them_are_names() {
        let (text, list) = ("a".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let bytes: &[u8] = b"a";
        check("a", &["a"]);
        check(&text, &["a"]);
        check(Cow::Borrowed("a"), &["a"]);
        check(bytes, &["a"]);
        check(b"ab", &["ab"]);
        check(b"ab".to_vec(), &["ab"]);
        let (texts, names, slices): (&[_; 2], &[_; 1], &[_; 1]) = (&["a", "b"], &[&text], &[bytes]);
        let vectors = vec![b"a".to_vec()];
        check(texts, &["a", "b"]);
        check(*texts, &["a", "b"]);
        check(&["a", "b"][..1], &["a"]);
        check(&list, &["a", "b"]);
        check(&list[1..], &["b"]);
        check(names, &["a"]);
        check(*names, &["a"]);
        check(vec!["a"], &["a"]);
        check(slices, &["a"]);
        check(*slices, &["a"]);
        check([b"a".to_vec()], &["a"]);
        check(&vectors, &["a"]);
        check(list, &["a", "b"]);
        check(text, &["a"]);
        check(Vec::<String>::new(), &[]);
    }
}
