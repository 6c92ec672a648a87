//! Several who take in alerts at once, or who die over it: people are told once.

use super::*;

/// Lets another writer keep its state between this one's reading and writing.
struct Raced<'n> {
    notes: &'n MemoryNotes,
    first: RefCell<Option<Box<dyn FnOnce() + 'n>>>,
}

impl NoteBook for Raced<'_> {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        self.notes.read(name)
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        if let Some(first) = self.first.borrow_mut().take() {
            first();
        }
        self.notes.write(name, expected, bytes)
    }
}

#[test]
fn of_two_that_take_in_the_same_batch_one_tells() {
    let runner = Runner::default();
    let attack = figures(&BUILT_IN, &failures("192.0.2.7", 0, 25, 10));
    let now = UnixMicros::from_seconds(START + 600);
    let came = [Came::Batch("b1", &attack)];
    let later = now.saturating_add_micros(1);
    let other = || drop(take_in(&BUILT_IN.alerts, &came, &runner.notes, &runner.ears, later).unwrap());
    let raced = Raced { notes: &runner.notes, first: RefCell::new(Some(Box::new(other))) };
    let told = take_in(&BUILT_IN.alerts, &came, &raced, &runner.ears, now).unwrap();
    assert_eq!((names(&told), runner.messages()), (vec![], 1));
}

/// Does something else while it tells for the first time.
struct Interrupted<'e> {
    ears: &'e Ears,
    other: RefCell<Option<Box<dyn FnOnce() + 'e>>>,
}

impl Notifier for Interrupted<'_> {
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError> {
        if let Some(other) = self.other.borrow_mut().take() {
            other();
        }
        self.ears.tell(subject, text)
    }
}

#[test]
fn who_comes_while_another_tells_leaves_it_to_the_other_with_what_is_new() {
    let runner = Runner::default();
    let attack = figures(&BUILT_IN, &failures("192.0.2.7", 0, 25, 10));
    let second = figures(&BUILT_IN, &failures("192.0.2.8", 0, 25, 10));
    let now = UnixMicros::from_seconds(START + 600);
    let mut listed = Vec::new();
    let other = || {
        assert_eq!(names(&runner.came(&[Came::Batch("b1", &attack)], START + 601).unwrap()), [""; 0]);
        listed = runner.came(&[Came::Batch("b2", &second)], START + 602).unwrap();
        assert_eq!(runner.messages(), 0);
    };
    let ears = Interrupted { ears: &runner.ears, other: RefCell::new(Some(Box::new(other))) };
    let told = take_in(&BUILT_IN.alerts, &[Came::Batch("b1", &attack)], &runner.notes, &ears, now).unwrap();
    drop(ears);
    assert_eq!((names(&told), names(&listed)), (vec!["brute_force"], vec!["brute_force"]));
    let texts: Vec<String> = runner.ears.heard.borrow().iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("192.0.2.7") && texts[1].contains("192.0.2.8"), "{texts:?}");
    runner.came(&[Came::Time], START + 603).unwrap();
    assert_eq!(runner.messages(), 2);
}

/// Takes the state once and then no note.
struct Dying<'n> {
    notes: &'n MemoryNotes,
    written: RefCell<bool>,
}

impl NoteBook for Dying<'_> {
    fn read(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, CallError> {
        self.notes.read(name)
    }

    fn write(&self, name: &str, expected: Option<u64>, bytes: &[u8]) -> Result<(), CallError> {
        if *self.written.borrow() {
            return Err(CallError::Unavailable { action: "write a note", reason: "it died".into() });
        }
        *self.written.borrow_mut() = name == NOTE;
        self.notes.write(name, expected, bytes)
    }
}

#[test]
fn what_somebody_died_over_telling_another_tells_when_the_mark_has_lapsed() {
    let runner = Runner::default();
    *runner.ears.fails.borrow_mut() = 1;
    let attack = figures(&BUILT_IN, &failures("192.0.2.7", 0, 25, 10));
    let dying = Dying { notes: &runner.notes, written: RefCell::new(false) };
    let now = UnixMicros::from_seconds(START + 600);
    take_in(&BUILT_IN.alerts, &[Came::Batch("b1", &attack)], &dying, &runner.ears, now).unwrap_err();
    runner.came(&[Came::Batch("b1", &attack)], START + 700).unwrap();
    assert_eq!(runner.messages(), 0);
    runner.came(&[Came::Batch("b1", &attack)], START + 721).unwrap();
    assert_eq!(runner.messages(), 1);
}
