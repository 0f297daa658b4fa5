//! Events into nodes: where each value goes, and what is kept as text instead.

use super::{Builder, Capture, Frame, Kind, Node, NodeId, ROOT};
use crate::Settings;
use crate::json::Events;
use crate::json::number::Number;
use crate::json::text::JsonText;
use crate::schema::ID_COLUMN;

/// What a field past the limit of columns takes beside its text and its name.
const EXTRA_BYTES: usize = 128;

impl Events for Builder {
    #[inline]
    fn key(&mut self, name: &str) {
        if let Some(capture) = &mut self.capture {
            capture.text.key(name);
            return;
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
            self.undo(slot);
            self.duplicate_keys += 1;
        }
    }

    #[inline]
    fn null(&mut self) {
        if self.capture.is_some() {
            return self.captured(0, JsonText::null);
        }
        self.put(Kind::Null);
    }

    #[inline]
    fn boolean(&mut self, value: bool) {
        if self.capture.is_some() {
            return self.captured(0, |text| text.boolean(value));
        }
        self.put(Kind::Boolean).booleans.push(value);
    }

    #[inline]
    fn number(&mut self, value: Number<'_>) {
        if self.capture.is_some() {
            return self.captured(0, |text| text.number(value));
        }
        match value {
            Number::Int(value) => self.put(Kind::Int).ints.push(value),
            Number::Big(value) => self.put(Kind::Big).bigs.push(value),
            Number::Double(value) => self.put(Kind::Double).doubles.push(value),
            Number::Literal(value) => {
                self.held_bytes += value.len();
                self.put(Kind::Literal).literals.push(value);
            }
        }
    }

    #[inline]
    fn string(&mut self, value: &str) {
        if self.capture.is_some() {
            return self.captured(0, |text| text.string(value));
        }
        self.held_bytes += value.len();
        self.put(Kind::String).strings.push(value);
    }

    #[inline]
    fn open_object(&mut self) {
        if self.capture.is_some() || self.too_deep(0) {
            return self.captured(1, JsonText::open_object);
        }
        let lists = self.now.lists;
        let container = self.open(Kind::Object);
        let instance = self.nodes[container].count(Kind::Object) - 1;
        self.now = Frame { container, slot: container, instance, expected: 0, array: false, lists };
    }

    #[inline]
    fn close_object(&mut self) {
        if self.capture.is_some() {
            return self.captured(-1, JsonText::close_object);
        }
        self.close();
    }

    fn open_array(&mut self) {
        if self.capture.is_some() || self.too_deep(self.now.lists + 1) {
            return self.captured(1, JsonText::open_array);
        }
        let lists = self.now.lists + 1;
        let container = self.open(Kind::Array);
        let slot = match self.nodes[container].element {
            Some(element) => element,
            None => {
                let element = self.add_node();
                self.nodes[container].element = Some(element);
                element
            }
        };
        let instance = self.nodes[slot].end();
        self.now = Frame { container, slot, instance, expected: 0, array: true, lists };
    }

    fn close_array(&mut self) {
        if self.capture.is_some() {
            return self.captured(-1, JsonText::close_array);
        }
        let Frame { container, instance, .. } = self.now;
        self.nodes[container].list_ends.push(instance);
        self.close();
    }
}

impl Builder {
    #[inline]
    fn put(&mut self, kind: Kind) -> &mut Node {
        let Frame { slot, instance, array, .. } = self.now;
        self.now.instance += usize::from(array);
        let node = &mut self.nodes[slot];
        self.held_bytes += node.put(instance, kind);
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

    /// Begins to keep the coming value as text where it nests too deep.
    fn too_deep(&mut self, lists: usize) -> bool {
        let deep = self.above.len() >= self.depth_max || lists > Settings::LISTS_LIMIT;
        if deep {
            self.capture = Some(Capture { text: JsonText::default(), depth: 0, extra: None });
        }
        deep
    }

    /// Passes an event to the text being captured, and ends it when its value is whole.
    #[cold]
    fn captured(&mut self, nesting: i8, event: impl FnOnce(&mut JsonText)) {
        let Some(capture) = &mut self.capture else { return };
        event(&mut capture.text);
        capture.depth = capture.depth.saturating_add_signed(isize::from(nesting));
        if capture.depth > 0 {
            return;
        }
        self.duplicate_keys += capture.text.duplicate_keys;
        let text = capture.text.take();
        self.held_bytes += text.len();
        let extra = capture.extra.take();
        self.capture = None;
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
        let is_id = container == ROOT && (name == ID_COLUMN || name == &*self.id_field);
        let own = usize::from(container == ROOT && self.id_node.is_some());
        let full = self.nodes[container].fields.len() - own >= self.fields_max
            || self.nodes.len() >= self.nodes_max;
        if full && !is_id {
            let extra = Some(name.into());
            self.capture = Some(Capture { text: JsonText::default(), depth: 0, extra });
            return None;
        }
        Some(self.add_field(container, name))
    }
}
