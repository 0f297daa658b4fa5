//! Puts events into nodes: where each value goes, and which values are kept as text instead.

use super::builder::{Builder, Capture, Frame, NAME_BYTES_MAX, ROOT, Refusal};
use super::node::{BYTES, Kind, Node, NodeId};
use crate::Settings;
use crate::json::Events;
use crate::json::number::Number;
use crate::json::text::JsonText;
use crate::schema::ID_COLUMN;

/// The bytes that a field past the limit of columns takes, besides its text and its name.
const EXTRA_BYTES: usize = 128;

/// Texts from this size on get their memory by a request that can fail.
const LARGE_TEXT_BYTES: usize = 1 << 20;

impl Events for Builder {
    #[inline]
    fn key(&mut self, name: &str) {
        if self.capture.is_some() {
            return self.captured_key(name);
        }
        let container = &self.nodes[self.now.container];
        let slot = match container.field(name, self.now.expected) {
            Some(at) => {
                self.now.expected = at + 1;
                container.fields[at].node
            }
            None => match self.new_field(name) {
                Some(node) => {
                    self.now.expected = self.nodes[self.now.container].fields.len();
                    node
                }
                None => return,
            },
        };
        self.now.slot = slot;
        if self.nodes[slot].end() > self.now.instance {
            self.replace(slot);
        }
    }

    #[inline]
    fn null(&mut self) {
        if self.capture.is_some() {
            return self.captured(0, 0, JsonText::null);
        }
        if self.takes(BYTES[Kind::Null as usize]) {
            self.put(Kind::Null);
        }
    }

    #[inline]
    fn boolean(&mut self, value: bool) {
        if self.capture.is_some() {
            return self.captured(0, 0, |text| text.boolean(value));
        }
        if self.takes(BYTES[Kind::Boolean as usize]) {
            self.put(Kind::Boolean).booleans.push(value);
        }
    }

    #[inline]
    fn number(&mut self, value: Number<'_>) {
        if self.capture.is_some() {
            let bytes = if let Number::Literal(text) = value { text.len() } else { 0 };
            return self.captured(0, bytes, |text| text.number(value));
        }
        if let Number::Literal(value) = value {
            if self.takes_text(Kind::Literal, value) {
                self.put(Kind::Literal).literals.push(value);
            }
            return;
        }
        // All take as much.
        if !self.takes(BYTES[Kind::Int as usize]) {
            return;
        }
        match value {
            Number::Int(value) => self.put(Kind::Int).ints.push(value),
            Number::Big(value) => self.put(Kind::Big).bigs.push(value),
            Number::Double(value) => self.put(Kind::Double).doubles.push(value),
            Number::Literal(_) => {}
        }
    }

    #[inline]
    fn string(&mut self, value: &str) {
        if self.capture.is_some() {
            return self.captured(0, value.len(), |text| text.string(value));
        }
        if self.takes_text(Kind::String, value) {
            self.put(Kind::String).strings.push(value);
        }
    }

    #[inline]
    fn open_object(&mut self) {
        if self.capture.is_some() || self.too_deep(0) {
            return self.captured(1, 0, JsonText::open_object);
        }
        if !self.takes(BYTES[Kind::Object as usize]) {
            return;
        }
        let lists = self.now.lists;
        let container = self.open(Kind::Object);
        let instance = self.nodes[container].count(Kind::Object) - 1;
        self.now = Frame { container, slot: container, instance, expected: 0, array: false, lists };
    }

    #[inline]
    fn close_object(&mut self) {
        if self.capture.is_some() {
            return self.captured(-1, 0, JsonText::close_object);
        }
        self.close();
    }

    fn open_array(&mut self) {
        if self.capture.is_some() || self.too_deep(self.now.lists + 1) {
            return self.captured(1, 0, JsonText::open_array);
        }
        if !self.takes(BYTES[Kind::Array as usize]) {
            return;
        }
        let lists = self.now.lists + 1;
        let container = self.open(Kind::Array);
        let slot = self.element(container);
        let instance = self.nodes[slot].end();
        self.now = Frame { container, slot, instance, expected: 0, array: true, lists };
    }

    fn close_array(&mut self) {
        if self.capture.is_some() {
            return self.captured(-1, 0, JsonText::close_array);
        }
        let Frame { container, instance, .. } = self.now;
        self.nodes[container].list_ends.push(instance);
        self.close();
    }
}

impl Builder {
    /// Whether the row may take this many more bytes. If not, the rest of the row is ignored, and
    /// the row is refused at its end.
    #[inline]
    fn takes(&mut self, bytes: usize) -> bool {
        match self.row_bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.row_bytes_left = left;
                true
            }
            None => {
                self.refuse(Refusal::TooLarge);
                false
            }
        }
    }

    /// The same for a text that becomes a value of this kind.
    #[inline]
    fn takes_text(&mut self, kind: Kind, text: &str) -> bool {
        let takes = self.takes(BYTES[kind as usize].saturating_add(text.len()))
            && (text.len() < LARGE_TEXT_BYTES || self.has_room(kind, text.len()));
        if takes {
            self.held_bytes += text.len();
        }
        takes
    }

    /// Reserves memory for a text of this kind. So a lack of memory is an error, and does not end
    /// the process.
    #[cold]
    fn has_room(&mut self, kind: Kind, bytes: usize) -> bool {
        let has_room = self.nodes[self.now.slot].reserve(kind, bytes);
        if !has_room {
            self.refuse(Refusal::NoMemory);
        }
        has_room
    }

    /// Passes over the rest of the row, which is an error at its end.
    #[cold]
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refused = Some(refusal);
        self.capture = Some(Capture::default());
    }

    #[inline]
    fn put(&mut self, kind: Kind) -> &mut Node {
        let Frame { slot, instance, array, .. } = self.now;
        self.now.instance += usize::from(array);
        let node = &mut self.nodes[slot];
        self.held_bytes += BYTES[kind as usize] + node.put(instance, kind);
        node
    }

    fn open(&mut self, kind: Kind) -> NodeId {
        let slot = self.now.slot;
        self.put(kind);
        self.above.push(self.now);
        slot
    }

    fn close(&mut self) {
        if let Some(frame) = self.above.pop() {
            self.now = frame;
        }
    }

    /// Removes the value at `slot`, because its key comes again in the open object.
    #[cold]
    fn replace(&mut self, slot: NodeId) {
        self.duplicate_keys += 1;
        // This work counts like bytes. Otherwise a key that comes millions of times in one row
        // would cost minutes.
        let work = self.take_back(slot, self.now.instance);
        self.takes(work);
    }

    /// Begins to keep the next value as text, if it nests too deep.
    fn too_deep(&mut self, lists: usize) -> bool {
        let deep = self.above.len() >= self.depth_max || lists > Settings::LISTS_LIMIT;
        if deep {
            self.capture = Some(Capture::default());
        }
        deep
    }

    #[cold]
    fn captured_key(&mut self, name: &str) {
        let left = self.row_bytes_left;
        let Some(capture) = self.capture.as_mut().filter(|_| self.refused.is_none()) else {
            return;
        };
        if capture.text.bytes().saturating_add(name.len()) > left {
            return self.refuse(Refusal::TooLarge);
        }
        capture.text.key(name);
    }

    /// Passes an event, of a text of `bytes` or of none, to the text being captured, and ends that
    /// when its value is whole.
    #[cold]
    fn captured(&mut self, nesting: i8, bytes: usize, event: impl FnOnce(&mut JsonText)) {
        let left = self.row_bytes_left;
        let Some(capture) = self.capture.as_mut().filter(|_| self.refused.is_none()) else {
            return;
        };
        if capture.text.bytes().saturating_add(bytes) > left {
            return self.refuse(Refusal::TooLarge);
        }
        event(&mut capture.text);
        capture.depth = capture.depth.saturating_add_signed(isize::from(nesting));
        if capture.depth > 0 {
            return;
        }
        self.duplicate_keys += capture.text.duplicate_keys;
        let text = capture.text.take();
        let extra = capture.extra.take();
        self.capture = None;
        let place = match &extra {
            Some(name) => EXTRA_BYTES + name.len(),
            None => BYTES[Kind::Json as usize],
        };
        if !self.takes(place.saturating_add(text.len())) {
            return;
        }
        self.held_bytes += text.len();
        match extra {
            Some(name) => {
                self.held_bytes += EXTRA_BYTES + name.len();
                let Frame { container, instance, .. } = self.now;
                if self.nodes[container].put_extra(instance, &name, text) {
                    self.duplicate_keys += 1;
                }
            }
            None => self.put(Kind::Json).jsons.push(&text),
        }
    }

    #[cold]
    fn new_field(&mut self, name: &str) -> Option<NodeId> {
        let container = self.now.container;
        // Ids must be found whatever else there is, and take no other field's place.
        let is_id = (container == ROOT && (name == ID_COLUMN || name == &*self.id_field))
            || self.is_on_id_path(name);
        let own = usize::from(container == ROOT && self.id_node.is_some());
        let full = self.nodes[container].fields.len() - own >= self.fields_max
            || self.nodes.len() >= self.nodes_max
            || name.len() > NAME_BYTES_MAX;
        if full && !is_id {
            if name.len() > self.row_bytes_left {
                self.refuse(Refusal::TooLarge);
                return None;
            }
            self.capture = Some(Capture { extra: Some(name.into()), ..Capture::default() });
            return None;
        }
        Some(self.add_field(container, name))
    }

    /// Whether the coming field may be a step to the row's id.
    fn is_on_id_path(&self, name: &str) -> bool {
        let depth = self.above.len().saturating_sub(1);
        self.id_path.get(depth).is_some_and(|step| **step == *name)
    }
}
