//! The arguments of a spec, behind its colon: `384x255`, `median=64,sigma=0.8`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::error::DatasetError;
use crate::suggest::suggest;

pub(super) struct Arguments<'a> {
    dataset: &'static str,
    given: Vec<(&'static str, &'a str)>,
}

impl<'a> Arguments<'a> {
    /// Reads `KEY=VALUE,…`. A first value without a key belongs to the first key, and the two of `AxB` to the first two
    /// keys; `short` is the number of keys that may be left out.
    pub(crate) fn read(
        dataset: &'static str,
        keys: &[&'static str],
        short: usize,
        text: &'a str,
    ) -> Result<Self, DatasetError> {
        let mut arguments = Self { dataset, given: Vec::new() };
        for (i, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            match part.split_once('=') {
                Some((key, value)) => arguments.add(arguments.known(key.trim(), keys)?, value.trim())?,
                None if i == 0 && part.starts_with(|c: char| c.is_ascii_digit()) => {
                    for (j, value) in part.split('x').enumerate() {
                        let key = keys.iter().take(short).nth(j).ok_or_else(|| arguments.no_key(part, keys))?;
                        arguments.add(key, value.trim())?;
                    }
                }
                None => return Err(arguments.no_key(part, keys)),
            }
        }
        Ok(arguments)
    }

    fn known(&self, key: &str, keys: &[&'static str]) -> Result<&'static str, DatasetError> {
        keys.iter().find(|known| known.eq_ignore_ascii_case(key)).copied().ok_or_else(|| self.no_key(key, keys))
    }

    fn no_key(&self, key: &str, keys: &[&'static str]) -> DatasetError {
        let like = suggest(key, keys.iter().copied()).map(str::to_owned);
        DatasetError::Key { dataset: self.dataset, key: key.to_owned(), like, known: keys.join(", ") }
    }

    fn add(&mut self, key: &'static str, value: &'a str) -> Result<(), DatasetError> {
        if self.text(key).is_some() {
            return Err(DatasetError::Twice { dataset: self.dataset, key });
        }
        self.given.push((key, value));
        Ok(())
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.given.iter().find(|(given, _)| *given == key).map(|(_, value)| *value)
    }

    pub(crate) fn whole(&self, key: &'static str, range: RangeInclusive<usize>) -> Result<Option<usize>, DatasetError> {
        self.value(key, range, "whole number")
    }

    pub(crate) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Result<Option<f64>, DatasetError> {
        self.value(key, range, "number")
    }

    fn value<T: FromStr + PartialOrd + Display>(
        &self,
        key: &'static str,
        range: RangeInclusive<T>,
        wanted: &'static str,
    ) -> Result<Option<T>, DatasetError> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let (dataset, value) = (self.dataset, text.to_owned());
        match text.parse::<T>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            // A number with more digits than the machine can hold is too large.
            Err(_) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(DatasetError::Value { dataset, key, value, wanted })
            }
            _ => {
                let (min, max) = (range.start().to_string(), range.end().to_string());
                Err(DatasetError::Range { dataset, key, value, min, max })
            }
        }
    }

    /// Names of `known`, joined by `+`; empty if the key is not given.
    pub(crate) fn names(&self, key: &'static str, known: &[&str]) -> Result<Vec<String>, DatasetError> {
        let Some(text) = self.text(key) else {
            return Ok(Vec::new());
        };
        let mut names: Vec<String> = Vec::new();
        for name in text.split('+').map(|name| name.trim().to_ascii_lowercase()) {
            if !known.contains(&name.as_str()) {
                let like = suggest(&name, known.iter().copied()).map(str::to_owned);
                let (dataset, known) = (self.dataset, known.join(", "));
                return Err(DatasetError::Choice { dataset, key, name, like, known });
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }
}
