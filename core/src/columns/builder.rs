//! The rows so far, as nodes: how a row begins and ends, and how much memory it may take.

use super::node::{Kind, Node, NodeId};
use super::values::Texts;
use crate::json::text::JsonText;
use crate::schema::{Column, ColumnType, ID_COLUMN, Schema};
use crate::{Error, ErrorKind, IdSource, Result, Settings, json};

/// The node of the documents themselves.
pub(crate) const ROOT: NodeId = 0;

/// The bytes of a definition level. A column that is not in every row has one for each row.
pub(super) const LEVEL_BYTES: usize = 2;

/// The bytes that hold where an id ends. The number is the same on machines of 32 bits: otherwise
/// they would close row groups at other rows, and give other files.
pub(super) const END_BYTES: usize = 8;

/// The longest name that becomes a column: a file's footer holds each name several times. A field
/// of a longer name is kept as JSON.
pub(super) const NAME_BYTES_MAX: usize = 4_096;

/// Nodes there may be for each column that is allowed: what bounds memory while types are still
/// open.
const NODES_PER_COLUMN: usize = 16;

/// Takes rows as events, and keeps them as columns.
///
/// The caller begins a row, passes one document as [`Events`](crate::json::Events), and ends or
/// abandons the row.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) nodes: Vec<Node>,
    pub(crate) ids: Texts,
    /// Keys that stood twice in one object; the last value was kept.
    pub(crate) duplicate_keys: u64,
    pub(super) duplicate_keys_before_row: u64,
    /// What the values take, about.
    pub(super) held_bytes: usize,
    pub(super) held_bytes_before_row: usize,
    pub(super) row_bytes_max: usize,
    /// What the open row may still take in memory.
    pub(super) row_bytes_left: usize,
    /// Why the open row is refused. The rest of that row is ignored.
    pub(super) refused: Option<Refusal>,
    /// The number of nodes at the end of the last row. An abandoned row leaves its new nodes
    /// behind.
    pub(super) nodes_of_rows: usize,
    /// Rows that earlier builders of the same stream took.
    pub(super) rows_before: u64,
    pub(super) now: Frame,
    pub(super) above: Vec<Frame>,
    pub(super) capture: Option<Capture>,
    /// The node of the documents' own `_id`.
    pub(super) id_node: Option<NodeId>,
    /// The document's own `_id` is not its id, in a row at least: another field was named for that.
    pub(super) own_id_differs: bool,
    /// The caller named the field that the ids are in.
    pub(super) id_is_named: bool,
    /// Rows have their ids in the field of that very name, and at the end of that path.
    pub(super) ids_found: [bool; 2],
    /// The field that rows have their ids in.
    pub(super) id_field: Box<str>,
    /// The same as a path of names, one below the other.
    pub(super) id_path: Vec<Box<str>>,
    pub(super) fields_max: usize,
    pub(super) nodes_max: usize,
    pub(super) depth_max: usize,
}

/// Where the next value goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The node whose object or array is open.
    pub(super) container: NodeId,
    /// The node that gets the next value.
    pub(super) slot: NodeId,
    /// The instance of `slot` that the next value is.
    pub(super) instance: usize,
    /// The field that most likely comes next: the one after the last.
    pub(super) expected: usize,
    pub(super) array: bool,
    /// How many lists are open, this one among them.
    pub(super) lists: usize,
}

/// Why a row is refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// It is larger than a row may be.
    TooLarge,
    /// The machine has no memory for one of its texts.
    NoMemory,
}

/// A value being kept as JSON text, because it is to have no columns.
#[derive(Debug, Default)]
pub(super) struct Capture {
    pub(super) text: JsonText,
    pub(super) depth: usize,
    /// The name of a field past the limit of columns. `None`: the value goes to the slot.
    pub(super) extra: Option<Box<str>>,
}

impl Builder {
    pub(crate) fn new(settings: &Settings) -> Self {
        // An inferred schema must find the columns that inference found, so the limits are those
        // of inference.
        let given = settings.schema.as_ref().filter(|schema| !schema.is_inferred());
        Builder::with_room(settings, given)
    }

    /// A builder in which the columns of `schema` have room, whatever comes before them.
    fn with_room(settings: &Settings, schema: Option<&Schema>) -> Self {
        let id_field = match &settings.id {
            IdSource::Auto => ID_COLUMN,
            IdSource::Field(name) => name.as_str(),
        };
        let given = schema.map_or(0, |schema| schema.columns().len());
        let mut builder = Builder {
            nodes: vec![Node::default()],
            ids: Texts::default(),
            duplicate_keys: 0,
            duplicate_keys_before_row: 0,
            held_bytes: 0,
            held_bytes_before_row: 0,
            row_bytes_max: settings.row_bytes_max,
            row_bytes_left: settings.row_bytes_max,
            refused: None,
            nodes_of_rows: 0,
            rows_before: 0,
            now: Frame::row(0),
            above: Vec::new(),
            capture: None,
            id_node: None,
            own_id_differs: false,
            id_is_named: settings.id != IdSource::Auto,
            ids_found: [false; 2],
            id_field: id_field.into(),
            id_path: id_field.split('.').map(Box::from).collect(),
            fields_max: settings.columns_max + given,
            nodes_max: settings.columns_max * NODES_PER_COLUMN,
            depth_max: settings.depth_max,
        };
        if let Some(schema) = schema {
            builder.add_columns(ROOT, schema.columns());
            builder.nodes_max += builder.nodes.len();
        }
        builder
    }

    /// A builder whose first row has the number `rows`, because other builders have the rows
    /// before.
    pub(crate) fn following(settings: &Settings, rows: u64) -> Self {
        Builder { rows_before: rows, ..Builder::new(settings) }
    }

    /// The same for a file that has the columns of the schema already.
    pub(crate) fn in_file(settings: &Settings, rows: u64) -> Self {
        Builder { rows_before: rows, ..Builder::with_room(settings, settings.schema.as_ref()) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.ids.len()
    }

    /// The number of the row that comes next, over the whole stream.
    pub(crate) fn row_number(&self) -> u64 {
        self.rows_before + self.rows() as u64
    }

    pub(crate) fn rows_before(&self) -> u64 {
        self.rows_before
    }

    /// About how many bytes of memory the rows take, with the levels of their columns. It depends on
    /// the rows alone, and not on the slices in which they came.
    pub(crate) fn bytes(&self) -> usize {
        self.held_bytes + self.rows() * self.nodes_of_rows * LEVEL_BYTES
    }

    pub(crate) fn begin_row(&mut self) {
        self.now = Frame::row(self.rows());
        self.duplicate_keys_before_row = self.duplicate_keys;
        self.held_bytes_before_row = self.held_bytes;
        self.row_bytes_left = self.row_bytes_max;
        self.refused = None;
    }

    /// Whether the open row is refused. The rest of that row is ignored.
    pub(crate) fn refuses_row(&self) -> bool {
        self.refused.is_some()
    }

    /// The error for the open row, which is refused.
    pub(crate) fn row_too_large(&self) -> Error {
        if let Some(Refusal::NoMemory) = self.refused {
            let message =
                "there is not enough memory for the row; split the row, or lower row_bytes_max";
            return Error::new(ErrorKind::Limit, message).at_row(self.row_number());
        }
        row_too_large(self.row_number(), self.row_bytes_max)
    }

    /// Ends a row that brings an id of its own.
    pub(crate) fn end_row(&mut self, id: &str) -> Result<()> {
        if id.len() > self.row_bytes_left {
            self.refuse(Refusal::TooLarge);
        }
        self.check_object(Some(id))?;
        if self.id_is_named {
            self.check_named(id)?;
        }
        self.push_id(id)
    }

    /// Ends a row whose id is to be found by `source`.
    pub(crate) fn end_row_of(&mut self, source: &IdSource) -> Result<()> {
        self.check_object(None)?;
        let row = self.rows();
        let id = match source {
            IdSource::Auto => {
                match self.id_node.map(|node| (node, self.nodes[node].kind_at(row))) {
                    None | Some((_, Kind::Absent | Kind::Null)) => self.row_number().to_string(),
                    Some((node, kind)) => self.id_text(node, kind, ID_COLUMN)?,
                }
            }
            IdSource::Field(_) => self.named_id()?,
        };
        self.push_id(&id)
    }

    /// Removes the open row, as if none of it had come.
    pub(crate) fn abandon_row(&mut self) {
        self.capture = None;
        self.above.clear();
        self.take_back(ROOT, self.rows());
        self.duplicate_keys = self.duplicate_keys_before_row;
        self.held_bytes = self.held_bytes_before_row;
    }

    fn check_object(&self, id: Option<&str>) -> Result<()> {
        if self.refused.is_some() {
            return Err(self.row_too_large());
        }
        let kind = self.nodes[ROOT].kind_at(self.rows());
        if kind == Kind::Object {
            return Ok(());
        }
        let found = self.describe(ROOT, kind);
        let error = self
            .row_error(format!("a row must be a JSON object, but this is {found}; wrap it in one"));
        Err(match id {
            Some(id) => error.with_id(id),
            None => error,
        })
    }

    pub(super) fn row_error(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Row, message).at_row(self.row_number())
    }

    /// The last value put at `node`, for people.
    pub(super) fn describe(&self, node: NodeId, kind: Kind) -> String {
        let values = &self.nodes[node];
        match kind {
            Kind::Absent => "nothing".to_owned(),
            Kind::Null => "null".to_owned(),
            Kind::Boolean => format!("{:?}", values.booleans.last().copied().unwrap_or_default()),
            Kind::Int => values.ints.last().map(i64::to_string).unwrap_or_default(),
            Kind::Big => values.bigs.last().map(u64::to_string).unwrap_or_default(),
            Kind::Double => {
                let double = values.doubles.last().copied().unwrap_or_default();
                json::number::format(double, &mut json::number::buffer()).to_owned()
            }
            Kind::Literal => {
                let (short, more) = short(values.literals.text(values.literals.len() - 1));
                format!("{short}{more}")
            }
            Kind::String => {
                let (short, more) = short(values.strings.text(values.strings.len() - 1));
                format!("the string {short:?}{more}")
            }
            Kind::Object => "an object".to_owned(),
            Kind::Array => "an array".to_owned(),
            Kind::Json => "a deeply nested value".to_owned(),
            Kind::Native => "a typed value".to_owned(),
        }
    }

    fn add_columns(&mut self, parent: NodeId, columns: &[Column]) {
        for column in columns {
            let node = self.add_field(parent, &column.name);
            self.add_type(node, &column.column_type);
        }
    }

    fn add_type(&mut self, node: NodeId, column_type: &ColumnType) {
        match column_type {
            ColumnType::Struct(fields) => self.add_columns(node, fields),
            ColumnType::List(element) => {
                let child = self.element(node);
                self.add_type(child, &element.column_type);
            }
            _ => {}
        }
    }

    pub(super) fn add_node(&mut self) -> NodeId {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The node of the elements of the arrays at `node`.
    #[inline]
    pub(super) fn element(&mut self, node: NodeId) -> NodeId {
        match self.nodes[node].element {
            Some(element) => element,
            None => {
                let element = self.add_node();
                self.nodes[node].element = Some(element);
                element
            }
        }
    }

    pub(super) fn add_field(&mut self, parent: NodeId, name: &str) -> NodeId {
        let node = self.add_node();
        self.nodes[parent].add_field(name, node);
        if parent == ROOT && name == ID_COLUMN {
            self.id_node = Some(node);
        }
        node
    }

    /// Removes the values at `node` from `instance` on, with all values below them. Gives the work:
    /// the nodes that were visited, and the values that were removed.
    pub(super) fn take_back(&mut self, node: NodeId, instance: usize) -> usize {
        let values = &mut self.nodes[node];
        let (objects_before, arrays_before) =
            (values.count(Kind::Object), values.count(Kind::Array));
        let mut work = 1 + values.take_back(instance);
        let (objects, arrays) = (values.count(Kind::Object), values.count(Kind::Array));
        if objects < objects_before {
            for at in 0..self.nodes[node].fields.len() {
                let child = self.nodes[node].fields[at].node;
                work += 1;
                crate::work::count(1);
                if self.nodes[child].end() > objects {
                    work += self.take_back(child, objects);
                }
            }
        }
        if arrays < arrays_before
            && let Some(element) = self.nodes[node].element
        {
            let elements = self.nodes[node].list_ends.last().copied().unwrap_or(0);
            work += self.take_back(element, elements);
        }
        work
    }
}

/// The error for a row that takes more than a row may.
pub(super) fn row_too_large(row: u64, row_bytes_max: usize) -> Error {
    let message = format!(
        "the row takes more than {row_bytes_max} bytes (row_bytes_max); split it, or raise \
         row_bytes_max"
    );
    Error::new(ErrorKind::Limit, message).at_row(row)
}

/// The beginning of a text for people, and "…" if the text goes on.
fn short(text: &str) -> (&str, &'static str) {
    const SHOWN_CHARS: usize = 40;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    }
}

impl Frame {
    /// Before the document of row `row`.
    fn row(row: usize) -> Self {
        Frame { container: ROOT, slot: ROOT, instance: row, expected: 0, array: false, lists: 0 }
    }
}
