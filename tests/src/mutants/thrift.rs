//! Thrift's compact protocol as a tree that can be changed and written again, with lies where they are wanted.

/// A value, as it stands in a file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Bool(bool),
    Byte(u8),
    /// Its type in the protocol (4, 5 or 6), and the number.
    Int(u8, i64),
    Double([u8; 8]),
    Binary(Vec<u8>),
    List(List),
    Struct(Vec<(i16, Value)>),
    /// Bytes that stand for a value of this type, whatever they are.
    Raw(u8, Vec<u8>),
}

/// A list, and what its head says, true or not.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) kind: u8,
    pub(super) items: Vec<Value>,
    pub(super) says: Option<u64>,
}

/// The struct at `at`, which moves past it.
pub(super) fn read_struct(bytes: &[u8], at: &mut usize) -> Value {
    let (mut fields, mut last) = (Vec::new(), 0);
    loop {
        let head = bytes[*at];
        *at += 1;
        if head == 0 {
            return Value::Struct(fields);
        }
        last = match head >> 4 {
            0 => signed(bytes, at) as i16,
            step => last + i16::from(step),
        };
        let value = match head & 15 {
            kind @ (1 | 2) => Value::Bool(kind == 1),
            kind => read(kind, bytes, at),
        };
        fields.push((last, value));
    }
}

fn read(kind: u8, bytes: &[u8], at: &mut usize) -> Value {
    let mut take = |count: usize| {
        *at += count;
        &bytes[*at - count..*at]
    };
    match kind {
        1 | 2 => Value::Bool(take(1)[0] == 1),
        3 => Value::Byte(take(1)[0]),
        4..=6 => Value::Int(kind, signed(bytes, at)),
        7 => Value::Double(take(8).try_into().unwrap_or_default()),
        8 => {
            let length = unsigned(bytes, at) as usize;
            *at += length;
            Value::Binary(bytes[*at - length..*at].to_vec())
        }
        9 => {
            let head = take(1)[0];
            let count = if head >> 4 == 15 { unsigned(bytes, at) } else { u64::from(head >> 4) };
            let items = (0..count).map(|_| read(head & 15, bytes, at)).collect();
            Value::List(List { kind: head & 15, items, says: None })
        }
        12 => read_struct(bytes, at),
        other => panic!("no file of ours has the type {other}"),
    }
}

fn unsigned(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            return value;
        }
    }
}

fn signed(bytes: &[u8], at: &mut usize) -> i64 {
    let value = unsigned(bytes, at);
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Value {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn kind(&self) -> u8 {
        match self {
            Value::Bool(true) => 1,
            Value::Bool(false) => 2,
            Value::Byte(_) => 3,
            Value::Int(kind, _) | Value::Raw(kind, _) => *kind,
            Value::Double(_) => 7,
            Value::Binary(_) => 8,
            Value::List(_) => 9,
            Value::Struct(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Bool(value) => out.push(2 - u8::from(*value)),
            Value::Byte(value) => out.push(*value),
            Value::Int(_, value) => put_unsigned(out, ((value << 1) ^ (value >> 63)) as u64),
            Value::Double(bytes) => out.extend(bytes),
            Value::Binary(bytes) => {
                put_unsigned(out, bytes.len() as u64);
                out.extend(bytes);
            }
            Value::List(List { kind, items, says }) => {
                let count = says.unwrap_or(items.len() as u64);
                if count < 15 {
                    out.push((count as u8) << 4 | kind);
                } else {
                    out.push(0xF0 | kind);
                    put_unsigned(out, count);
                }
                items.iter().for_each(|item| item.write(out));
            }
            Value::Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    match id.wrapping_sub(last) {
                        step @ 1..=15 => out.push((step as u8) << 4 | value.kind()),
                        _ => {
                            out.push(value.kind());
                            Value::Int(4, i64::from(*id)).write(out);
                        }
                    }
                    if !matches!(value, Value::Bool(_)) {
                        value.write(out);
                    }
                    last = *id;
                }
                out.push(0);
            }
            Value::Raw(_, bytes) => out.extend(bytes),
        }
    }

    pub(super) fn field(&self, id: i16) -> Option<&Value> {
        let Value::Struct(fields) = self else { return None };
        fields.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub(super) fn field_mut(&mut self, id: i16) -> Option<&mut Value> {
        let Value::Struct(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub(super) fn int(&self, id: i16) -> Option<i64> {
        match self.field(id)? {
            Value::Int(_, value) => Some(*value),
            _ => None,
        }
    }

    /// Sets a field that is there.
    pub(super) fn set(&mut self, id: i16, to: i64) {
        if let Some(Value::Int(_, value)) = self.field_mut(id) {
            *value = to;
        }
    }

    pub(super) fn items(&self) -> &[Value] {
        if let Value::List(list) = self { &list.items } else { &[] }
    }

    pub(super) fn items_mut(&mut self) -> &mut [Value] {
        if let Value::List(list) = self { &mut list.items } else { &mut [] }
    }

    /// How many values there are, this one and all within it.
    pub(super) fn count(&self) -> usize {
        1 + match self {
            Value::List(list) => list.items.iter().map(Value::count).sum(),
            Value::Struct(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
            _ => 0_usize,
        }
    }

    /// The value of this number, in the order in which they are written.
    pub(super) fn nth(&mut self, mut number: usize) -> Option<&mut Value> {
        if number == 0 {
            return Some(self);
        }
        number -= 1;
        let within: Vec<&mut Value> = match self {
            Value::List(list) => list.items.iter_mut().collect(),
            Value::Struct(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        };
        for value in within {
            let count = value.count();
            if number < count {
                return value.nth(number);
            }
            number -= count;
        }
        None
    }
}
