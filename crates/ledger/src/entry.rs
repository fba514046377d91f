//! One admitted request, from its opening to its row.

use std::sync::Arc;

use trunkline_journal::{Durability, Place, Position, Synced, TooLong};
use trunkline_store::RequestRow;

use crate::opening::read_interrupted;
use crate::request_id::RequestId;
use crate::row_record::{self, CLOSE};
use crate::shared::{Shared, count, now, with_buffer};

/// Texts of a row that has to become short are cut to so many bytes.
const SHORT_BYTES: usize = 48;

/// And so many tags are kept.
const SHORT_TAGS: usize = 8;

/// An admitted request. Its row's place is reserved.
///
/// Dropped without [`Entry::close`], it closes itself: outcome `interrupted`, usage and cost estimated from the input.
#[derive(Debug)]
pub struct Entry {
    shared: Arc<Shared>,
    id: RequestId,
    /// When it began, as its opening says.
    started_at: i64,
    /// `None` where there was no room and the request is served all the same, and of what is closed.
    place: Option<Place>,
    opened_at: Option<Position>,
    is_closed: bool,
}

/// A request whose row is in the journal.
#[derive(Debug)]
pub struct Closed {
    synced: Option<(Arc<Shared>, Position)>,
}

impl Entry {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: RequestId,
        started_at: i64,
        opened: Option<(Place, Position)>,
    ) -> Self {
        let (place, opened_at) = opened.unzip();
        Self { shared, id, started_at, place, opened_at, is_closed: false }
    }

    /// What the request is known by in the ledger.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Ready once the opening is on the disk, where the journal is kept so; else at once.
    pub fn synced(&self) -> impl Future<Output = Result<(), trunkline_core::Error>> + Send + use<> {
        synced(self.opened_at.map(|position| (Arc::clone(&self.shared), position)))
    }

    /// Closes the entry with its row. The row's `request_id` and its start are the entry's, whatever it says; all its other
    /// times are as long after the start as it says. It cannot fail, and waits for nothing. A row that is far longer than its opening, in a journal that is full, goes without metadata and
    /// attempts.
    pub fn close(mut self, row: &RequestRow) -> Closed {
        let position = self.append(row);
        Closed { synced: position.map(|position| (Arc::clone(&self.shared), position)) }
    }

    fn append(&mut self, row: &RequestRow) -> Option<Position> {
        self.is_closed = true;
        let position = match self.place.take() {
            Some(place) => append_in_place(&self.shared, place, (self.id, self.started_at), row),
            None => with_buffer(|buffer| {
                row_record::write((self.id, self.started_at), row, buffer);
                self.shared.journal.append(CLOSE, buffer).ok()
            }),
        };
        if position.is_some() {
            self.shared.added();
        } else {
            count(&self.shared.counts.lost);
        }
        position
    }

    /// The row of a request that its owner gave up.
    fn interrupted(&self) -> RequestRow {
        let opening = self.place.as_ref().and_then(Place::held);
        let row = opening.and_then(|(_, bytes)| read_interrupted(&bytes, Some(now())).ok());
        row.unwrap_or_else(|| RequestRow {
            started_at: self.started_at,
            ended_at: now(),
            outcome: crate::opening::INTERRUPTED.to_owned(),
            usage_is_estimated: true,
            ..RequestRow::default()
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_closed {
            let row = self.interrupted();
            self.append(&row);
        }
    }
}

impl Closed {
    /// Whether there is anything to wait for: whether the journal is kept on the disk.
    pub fn must_wait(&self) -> bool {
        self.synced.as_ref().is_some_and(|(shared, _)| shared.journal.durability() == Durability::Sync)
    }

    /// Ready once the row is on the disk, where the journal is kept so; else at once.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StoreUnavailable` where the disk refused it. The row will be delivered all the same unless the machine
    /// ends first.
    pub async fn synced(self) -> Result<(), trunkline_core::Error> {
        synced(self.synced).await
    }
}

fn synced(
    waits: Option<(Arc<Shared>, Position)>,
) -> impl Future<Output = Result<(), trunkline_core::Error>> + Send + use<> {
    let synced: Option<Synced> = waits.map(|(shared, position)| shared.journal.synced(position));
    async move {
        match synced {
            Some(synced) => synced.await,
            None => Ok(()),
        }
    }
}

/// Appends the row, shorter and shorter until there is room for it. The last form always fits: it is no longer than its
/// opening and what was reserved besides.
fn append_in_place(
    shared: &Shared,
    place: Place,
    opened: (RequestId, i64),
    row: &RequestRow,
) -> Option<Position> {
    let append = |place: Place, row: &RequestRow| -> Result<Position, TooLong> {
        with_buffer(|buffer| {
            row_record::write(opened, row, buffer);
            place.append(CLOSE, buffer)
        })
    };
    let TooLong { place } = match append(place, row) {
        Ok(position) => return Some(position),
        Err(too_long) => too_long,
    };
    count(&shared.counts.shortened);
    let mut short = shortened(row);
    let TooLong { place } = match append(place, &short) {
        Ok(position) => return Some(position),
        Err(too_long) => too_long,
    };
    // The row names others than its opening did, and longer ones.
    let (_, opening) = place.held()?;
    let opening = read_interrupted(&opening, None).ok()?;
    (short.key, short.user_id, short.team_id) = (opening.key, opening.user_id, opening.team_id);
    (short.customer, short.model, short.group) = (opening.customer, opening.model, opening.group);
    (short.tags, short.charges, short.call_id) = (opening.tags, opening.charges, opening.call_id);
    append(place, &short).ok()
}

/// What of a row is certain to have room: who, how much, and how it ended.
fn shortened(row: &RequestRow) -> RequestRow {
    let cut = |text: &Option<String>| text.as_deref().map(short);
    RequestRow {
        call_id: short(&row.call_id),
        operation: short(&row.operation),
        route: short(&row.route),
        outcome: short(&row.outcome),
        error_kind: cut(&row.error_kind),
        deployment: cut(&row.deployment),
        provider: cut(&row.provider),
        upstream_model: cut(&row.upstream_model),
        api_base: cut(&row.api_base),
        generation_id: cut(&row.generation_id),
        cache_key: cut(&row.cache_key),
        session_id: cut(&row.session_id),
        client_address: cut(&row.client_address),
        tags: row.tags.iter().take(SHORT_TAGS).map(|tag| short(tag)).collect(),
        metadata: None,
        attempts: Vec::new(),
        ..row.clone()
    }
}

fn short(text: &str) -> String {
    let mut end = text.len().min(SHORT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
