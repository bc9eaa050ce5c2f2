/* SPDX-License-Identifier: MIT */
/*
 * mailbox-intake.c - see mailbox-private.h: a message on its way from the wire to the destination.
 *
 * The header is held back until it is whole, because the envelope stands in it; the rest is never
 * collected. Which message it was, and whether anybody asked for it, is certain only when the
 * response that it was in is whole: until then it can be dropped.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

/* Identity ---------------------------------------------------------------------------------------
 */

static void digest_add(EVP_MD_CTX *digest, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(digest, bytes, len) != 1)
		abort(); /* as xalloc: out of memory */
}

static EVP_MD_CTX *digest_begin(void)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		abort(); /* as xalloc: out of memory */
	return digest;
}

static void digest_end(EVP_MD_CTX *digest, unsigned char *out)
{
	unsigned char sum[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(digest, sum, NULL) != 1)
		abort(); /* as xalloc: out of memory */
	EVP_MD_CTX_free(digest);
	memcpy(out, sum, STATE_IDENTITY_BYTES);
}

/* Servers differ in whether an empty line is part of a header that has no body behind it. */
static struct span without_last_lines(struct span bytes)
{
	while (bytes.len > 0 &&
	       (bytes.ptr[bytes.len - 1] == '\n' || bytes.ptr[bytes.len - 1] == '\r'))
		bytes.len--;
	return bytes;
}

void intake_identity(const struct mailbox *mailbox, uint32_t uid, uint64_t size_bytes,
		     int64_t internaldate, struct state_identity *out)
{
	const struct message_head *head = &mailbox->intake.head;
	struct span bytes = without_last_lines(buffer_span(&head->bytes));
	struct message_field id;
	EVP_MD_CTX *digest = digest_begin();
	size_t at = 0;

	*out = (struct state_identity){.uid = uid};
	digest_add(digest, &size_bytes, sizeof(size_bytes));
	digest_add(digest, bytes.ptr, bytes.len);
	digest_end(digest, out->header);
	if (internaldate == 0 || !message_head_find(head, "Message-ID", &at, &id))
		return;
	digest = digest_begin();
	digest_add(digest, &size_bytes, sizeof(size_bytes));
	digest_add(digest, &internaldate, sizeof(internaldate));
	digest_add(digest, id.value.ptr, id.value.len);
	digest_end(digest, out->trace);
}

/* The way to the destination ---------------------------------------------------------------------
 */

static void pass(struct mailbox *mailbox, struct span bytes)
{
	if (bytes.len > 0 && !delivery_write(mailbox->delivery, bytes))
		imap_session_pause(mailbox->world.session);
}

static void undeliverable(struct intake *intake, const struct err *err)
{
	intake->verdict = (struct delivery_verdict){
		.kind = DELIVERY_REFUSED, .outcome = OUTCOME_CONFIG, .err = *err};
	intake->state = INTAKE_UNDELIVERABLE;
}

static struct envelope_place place_of(const struct mailbox *mailbox)
{
	const struct fetch_source *source = mailbox->world.source;

	return (struct envelope_place){
		.fetch = source->name,
		.account = source->account,
		.user = mailbox->world.user,
		.folder = mailbox->folder,
		.host = source->host,
		.uid = mailbox->intake.uid,
	};
}

/* False: nobody can have it, and the verdict says why. */
static bool decide_envelope(struct mailbox *mailbox, const struct envelope_place *place)
{
	struct intake *intake = &mailbox->intake;
	struct err err = ERR_INIT;

	envelope_release(&intake->envelope);
	intake->envelope = (struct envelope){0};
	if (envelope_decide(&mailbox->world.source->envelope, place, &intake->head,
			    &intake->envelope, &err) != OUTCOME_OK) {
		undeliverable(intake, &err);
		return false;
	}
	if (intake->envelope.loops) {
		(void)err_set(&err, OUTCOME_CONFIG,
			      "it has been delivered there before, its header says "
			      "(Delivered-To): a mail loop");
		undeliverable(intake, &err);
		return false;
	}
	return true;
}

static void head_is_whole(struct mailbox *mailbox)
{
	struct intake *intake = &mailbox->intake;
	struct envelope_place place = place_of(mailbox);
	struct delivery_facts facts = {
		.uid = intake->uid,
		.seq = intake->seq,
		.size_bytes = intake->size_bytes,
		.origin = &mailbox->ledger.origin,
		.envelope = &intake->envelope.given,
		.place = &place,
	};

	if (!decide_envelope(mailbox, &place))
		return;
	intake->state = INTAKE_BODY;
	delivery_begin(mailbox->delivery, &facts);
	pass(mailbox, buffer_span(&intake->envelope.head));
}

/* The body sink ----------------------------------------------------------------------------------
 */

/* NIL is no message: it counts as one that did not come. */
static void no_body(struct mailbox *mailbox, const struct imap_body *body)
{
	struct err err = ERR_INIT;

	mailbox_note(mailbox,
		     err_set(&err, OUTCOME_RETRY, "the server has no text for message UID %u",
			     body->uid),
		     &err);
}

/* Not one that comes again: the destination may still be busy with the first. */
static bool is_whole_message(const struct mailbox *mailbox, const struct imap_body *body)
{
	return fetch_is_open(mailbox) && !body->partial && body->section.len == 0 &&
	       (body->uid == 0 || fetch_awaited(mailbox, body->uid) != NULL);
}

static bool is_header(const struct mailbox *mailbox, const struct imap_body *body)
{
	return mailbox->state == MAILBOX_LISTING && mailbox->view.renewing && !body->partial &&
	       span_equals_nocase(body->section, "HEADER");
}

static void drop(struct mailbox *mailbox)
{
	if (mailbox->intake.state == INTAKE_BODY)
		delivery_drop(mailbox->delivery);
	mailbox->intake.state = INTAKE_NONE;
	mailbox->intake.whole = false;
}

void intake_begin(void *ctx, const struct imap_body *body)
{
	struct mailbox *mailbox = ctx;
	struct intake *intake = &mailbox->intake;
	bool message = is_whole_message(mailbox, body);

	drop(mailbox);
	if (mailbox->what != OUTCOME_OK || (!message && !is_header(mailbox, body)))
		return;
	if (body->nil) {
		if (message)
			no_body(mailbox, body);
		return;
	}
	message_head_clear(&intake->head);
	intake->state = message ? INTAKE_HEAD : INTAKE_HEADER_ONLY;
	intake->uid = body->uid;
	intake->seq = body->seq;
	intake->size_bytes = body->size;
}

void intake_chunk(void *ctx, struct span bytes)
{
	struct mailbox *mailbox = ctx;
	struct intake *intake = &mailbox->intake;

	if (mailbox->what != OUTCOME_OK)
		return; /* the destination may be gone; what has begun is dropped at the end */
	if (intake->state == INTAKE_HEADER_ONLY)
		(void)message_head_feed(&intake->head, &bytes);
	if (intake->state == INTAKE_HEAD && message_head_feed(&intake->head, &bytes))
		head_is_whole(mailbox);
	if (intake->state == INTAKE_BODY)
		pass(mailbox, bytes);
}

void intake_end(void *ctx)
{
	struct mailbox *mailbox = ctx;
	struct intake *intake = &mailbox->intake;

	if (intake->state == INTAKE_NONE || mailbox->what != OUTCOME_OK)
		return;
	if (!intake->head.whole)
		message_head_end(&intake->head);
	if (intake->state == INTAKE_HEAD)
		head_is_whole(mailbox);
	intake->whole = true;
}

void intake_release(struct mailbox *mailbox)
{
	drop(mailbox);
	message_head_release(&mailbox->intake.head);
	envelope_release(&mailbox->intake.envelope);
}

/* The response is whole --------------------------------------------------------------------------
 */

static void progress_add(const struct mailbox *mailbox, uint64_t bytes)
{
	struct mailbox_progress *progress = mailbox->world.progress;

	if (progress != NULL) {
		progress->messages++;
		progress->bytes += bytes;
	}
}

/* What its sender is told if the destination refuses it, when other messages have come since. */
static void keep_for_bounce(const struct intake *intake, struct pending_message *message)
{
	const char *sender = intake->envelope.given.sender;

	message->sender = xstrdup(sender != NULL ? sender : "");
	buffer_init(&message->head, MESSAGE_HEAD_MAX);
	(void)buffer_append_span(&message->head, buffer_span(&intake->head.bytes));
}

static void take(struct mailbox *mailbox, const struct imap_fetch *fetch, struct window *window,
		 uint32_t uid)
{
	struct intake *intake = &mailbox->intake;
	struct pending_message message = {.bytes = intake->size_bytes, .window = window};
	bool deliverable = intake->state == INTAKE_BODY;
	struct listed *listed = &mailbox->listed[list_index(mailbox, uid)];

	intake_identity(mailbox, uid, listed->size_bytes, fetch->internaldate, &message.identity);
	if (mailbox->world.source->selection.on_refused == FETCH_REFUSED_BOUNCE)
		keep_for_bounce(intake, &message);
	listed->taken = true;
	pending_add(mailbox, &message);
	progress_add(mailbox, intake->size_bytes);
	intake->state = INTAKE_NONE;
	mailbox->taking = true;
	if (deliverable)
		delivery_end(mailbox->delivery, uid);
	else
		mailbox_verdict(mailbox, uid, &intake->verdict);
	mailbox->taking = false;
}

void intake_take(struct mailbox *mailbox, const struct imap_fetch *fetch)
{
	const struct intake *intake = &mailbox->intake;
	uint32_t uid = fetch->uid != 0 ? fetch->uid : intake->uid;
	struct window *window;

	if (fetch->bodies == 0)
		return;
	window = intake->whole && intake->state != INTAKE_NONE ? fetch_awaited(mailbox, uid) : NULL;
	if (window == NULL)
		drop(mailbox);
	else
		take(mailbox, fetch, window, uid);
	mailbox->intake.whole = false;
}
