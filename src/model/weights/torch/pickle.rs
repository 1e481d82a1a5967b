//! An interpreter of the part of Python's pickle language in which `torch.save` writes a state dict, and no more.
//!
//! Nothing is called and nothing imported: of the names in a pickle only those of [`Callable`] are known, and each is
//! implemented in this file. Source of the opcodes: CPython, `Lib/pickletools.py`.
//!
//! Values live in a list and refer to each other by position, so that shared values cost nothing, and cycles and depth
//! are harmless; every instruction creates at most one.

use std::collections::HashMap;

use super::tensor::{Kind, Storage, Tensor};

/// More instructions than any state dict needs that is read here.
const MAX_INSTRUCTIONS: usize = 1 << 18;

const MAX_DIMENSIONS: usize = 8;
const MAX_ARGUMENTS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Pickle {
    /// The tensors of a state dict, by their names.
    pub tensors: Vec<(String, Tensor)>,
    /// The locations of their numbers.
    pub storages: Vec<Storage>,
    /// Set if the pickle is a number.
    pub integer: Option<i64>,
    /// Set if it is a list of texts.
    pub texts: Vec<String>,
    /// Set if it is a dict with the byte order.
    pub little_endian: Option<bool>,
}

/// Position of a value in the machine's list.
type Id = usize;

#[derive(Debug)]
enum Value<'a> {
    /// `None`, and values without use.
    Nothing,
    Bool(bool),
    Integer(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Callable(Callable),
    Storage(usize),
    Tensor(Tensor),
}

#[derive(Debug, Clone, Copy)]
enum Callable {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    StorageOf(Kind),
}

impl Callable {
    fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "FloatStorage") => Self::StorageOf(Kind::Float),
            ("torch", "HalfStorage") => Self::StorageOf(Kind::Half),
            ("torch", "BFloat16Storage") => Self::StorageOf(Kind::BFloat16),
            ("torch", "DoubleStorage") => Self::StorageOf(Kind::Double),
            _ => return None,
        })
    }
}

#[derive(Default)]
struct Machine<'a> {
    rest: &'a [u8],
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: Vec<Storage>,
}

const SHORT: &str = "it ends in the middle";
const CONFUSED: &str = "its pickle makes no sense";

impl Pickle {
    /// Reads the pickle at the beginning of `bytes`; returns it and its length.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, usize), String> {
        let mut machine = Machine { rest: bytes, ..Machine::default() };
        for _ in 0..MAX_INSTRUCTIONS {
            if machine.step()? {
                let length = bytes.len() - machine.rest.len();
                let result = machine.pop()?;
                return Ok((machine.finish(result)?, length));
            }
        }
        Err("its pickle is too long for a state dict".into())
    }
}

impl<'a> Machine<'a> {
    /// Carries out one instruction; `true` when it was the last.
    fn step(&mut self) -> Result<bool, String> {
        let [opcode] = self.bytes()?;
        match opcode {
            b'.' => return Ok(true),
            0x80 => {
                let [version] = self.bytes()?;
                if version > 5 {
                    return Err(format!("its pickle is of the unknown version {version}"));
                }
            }
            b'N' => self.push(Value::Nothing),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let [n] = self.bytes()?;
                self.push(Value::Integer(n.into()));
            }
            b'M' => {
                let n = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Integer(n.into()));
            }
            b'J' => {
                let n = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Integer(n.into()));
            }
            0x8a => {
                let [length] = self.bytes()?;
                let digits = self.take(length.into())?;
                let mut wide = [if digits.last().is_some_and(|&b| b >= 0x80) { 0xff } else { 0 }; 8];
                wide.get_mut(..digits.len()).ok_or("its pickle holds a huge number")?.copy_from_slice(digits);
                self.push(Value::Integer(i64::from_le_bytes(wide)));
            }
            b'G' => {
                // A float, big-endian; state dicts have some in their metadata, never in the tensors.
                self.bytes::<8>()?;
                self.push(Value::Nothing);
            }
            b'X' => {
                let length = u32::from_le_bytes(self.bytes()?);
                let text = std::str::from_utf8(self.take(length as usize)?).map_err(|_| CONFUSED)?;
                self.push(Value::Text(text));
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let callable = Callable::named(module, name).ok_or_else(|| {
                    format!("it calls {module}.{name}, which a state dict of float tensors does not need")
                })?;
                self.push(Value::Callable(callable));
            }
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(opcode - 0x84)).ok_or(CONFUSED)?;
                let items = self.stack.split_off(first);
                self.push(Value::Tuple(items));
            }
            b'a' | b'e' => {
                let items = if opcode == b'a' { vec![self.pop()?] } else { self.since_mark()? };
                match self.top()? {
                    Value::List(list) => list.extend(items),
                    _ => return Err(CONFUSED.into()),
                }
            }
            b's' | b'u' => {
                let items = if opcode == b'u' {
                    self.since_mark()?
                } else {
                    let first = self.stack.len().checked_sub(2).ok_or(CONFUSED)?;
                    self.stack.split_off(first)
                };
                let (pairs, odd) = items.as_chunks::<2>();
                match self.top()? {
                    Value::Dict(dict) if odd.is_empty() => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
                    _ => return Err(CONFUSED.into()),
                }
            }
            b'q' | b'r' => {
                let slot = self.slot(opcode == b'q')?;
                let top = *self.stack.last().ok_or(CONFUSED)?;
                self.memo.insert(slot, top);
            }
            b'h' | b'j' => {
                let slot = self.slot(opcode == b'h')?;
                self.stack.push(*self.memo.get(&slot).ok_or(CONFUSED)?);
            }
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'b' => {
                // Attributes of a dict (`_metadata`, the modules' versions); they do not concern the tensors.
                self.pop()?;
                if !matches!(self.top()?, Value::Dict(_)) {
                    return Err("it sets the state of something other than a dict".into());
                }
            }
            other => return Err(format!("it uses the pickle instruction 0x{other:02x}, which no state dict needs")),
        }
        Ok(false)
    }

    /// A storage: ("storage", its class, key, place, count[, view]).
    fn persistent(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let parts = self.tuple(id)?;
        let (&[tag, class, key, _place, count], view) = parts.split_first_chunk().ok_or(CONFUSED)?;
        if !matches!(self.values[tag], Value::Text("storage"))
            || view.iter().any(|&view| !matches!(self.values[view], Value::Nothing))
        {
            return Err("it refers to something that is not a storage of numbers".into());
        }
        let (Value::Callable(Callable::StorageOf(kind)), &Value::Text(key)) = (&self.values[class], &self.values[key])
        else {
            return Err(CONFUSED.into());
        };
        let storage = Storage { key: key.to_owned(), kind: *kind, count: self.count(count)? };
        let known = self.storages.iter().position(|s| s.key == storage.key);
        let position = known.unwrap_or(self.storages.len());
        match known.map(|at| &self.storages[at]) {
            None => self.storages.push(storage),
            Some(other) if other.kind == storage.kind && other.count == storage.count => {}
            Some(_) => return Err(format!("it describes its numbers \"{key}\" in two ways")),
        }
        self.push(Value::Storage(position));
        Ok(())
    }

    /// A call, of one of the few things that may be called.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        // No call has more than seven arguments; further ones are ignored.
        let arguments = self.tuple(arguments)?;
        let arguments = arguments[..arguments.len().min(MAX_ARGUMENTS)].to_vec();
        let Value::Callable(callee) = self.values[callee] else { return Err(CONFUSED.into()) };
        let made = match (callee, &arguments[..]) {
            (Callable::OrderedDict, []) => Value::Dict(Vec::new()),
            (Callable::RebuildParameter, [data, ..]) => match &self.values[*data] {
                Value::Tensor(tensor) => Value::Tensor(tensor.clone()),
                _ => return Err(CONFUSED.into()),
            },
            (Callable::RebuildTensor, &[storage, offset, size, stride, ..]) => {
                let Value::Storage(storage) = self.values[storage] else { return Err(CONFUSED.into()) };
                let counts = |id| self.tuple(id)?.iter().map(|&id| self.count(id)).collect::<Result<Vec<_>, String>>();
                if self.tuple(size)?.len() > MAX_DIMENSIONS || self.tuple(stride)?.len() > MAX_DIMENSIONS {
                    return Err("a tensor in it has too many dimensions".into());
                }
                let (size, stride) = (counts(size)?, counts(stride)?);
                if size.len() != stride.len() {
                    return Err(CONFUSED.into());
                }
                Value::Tensor(Tensor { storage, offset: self.count(offset)?, size, stride })
            }
            _ => return Err(CONFUSED.into()),
        };
        self.push(made);
        Ok(())
    }

    fn finish(self, result: Id) -> Result<Pickle, String> {
        let mut pickle = Pickle::default();
        match &self.values[result] {
            Value::Integer(n) => pickle.integer = Some(*n),
            Value::List(items) => {
                for &item in items {
                    let Value::Text(text) = self.values[item] else { return Err(CONFUSED.into()) };
                    pickle.texts.push(text.to_owned());
                }
            }
            Value::Dict(pairs) => {
                for &(key, value) in pairs {
                    let Value::Text(key) = self.values[key] else { return Err(CONFUSED.into()) };
                    match &self.values[value] {
                        Value::Tensor(tensor) => pickle.tensors.push((key.to_owned(), tensor.clone())),
                        Value::Bool(little) if key == "little_endian" => pickle.little_endian = Some(*little),
                        // The other facts about the system that wrote an old file.
                        _ if matches!(key, "protocol_version" | "type_sizes") => {}
                        _ => return Err(format!("\"{key}\" in it is not a tensor")),
                    }
                }
            }
            _ => return Err("it holds no state dict".into()),
        }
        pickle.storages = self.storages;
        Ok(pickle)
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// Takes the topmost value, which must not lie below a mark.
    fn pop(&mut self) -> Result<Id, String> {
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(CONFUSED.into());
        }
        self.stack.pop().ok_or_else(|| CONFUSED.into())
    }

    fn top(&mut self) -> Result<&mut Value<'a>, String> {
        let top = *self.stack.last().ok_or(CONFUSED)?;
        Ok(&mut self.values[top])
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len()).ok_or(CONFUSED)?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&self, id: Id) -> Result<&[Id], String> {
        match &self.values[id] {
            Value::Tuple(items) => Ok(items),
            _ => Err(CONFUSED.into()),
        }
    }

    fn count(&self, id: Id) -> Result<usize, String> {
        match self.values[id] {
            Value::Integer(n) => usize::try_from(n).map_err(|_| CONFUSED.into()),
            _ => Err(CONFUSED.into()),
        }
    }

    fn slot(&mut self, short: bool) -> Result<u32, String> {
        Ok(if short { u32::from(self.bytes::<1>()?[0]) } else { u32::from_le_bytes(self.bytes()?) })
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let end = self.rest.iter().position(|&b| b == b'\n').ok_or(SHORT)?;
        let line = std::str::from_utf8(self.take(end)?).map_err(|_| CONFUSED)?;
        self.take(1)?;
        Ok(line)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }
}
