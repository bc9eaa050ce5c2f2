/* SPDX-License-Identifier: MIT */
/*
 * deliver-file.c - hands files to a destination as the fetch agent hands messages: for tests of the
 * methods against real listeners, and to measure them alone.
 *
 * Usage: deliver-file [-f SENDER] [-r RECIPIENT]... [-p PARALLEL] [-t SECONDS] [-n TIMES]
 *                     [-x BYTES] DELIVER FILE...
 *
 * It may write what the agent may, which is confined: delivery_directory() and nothing else.
 *
 * Each file is written in pieces of odd sizes; with -x the last one is dropped after so many bytes.
 * A verdict is a line: "done UID", "later UID: ...", "refused UID: ...", "down UID: ...". The
 * numbers are those of the files. Exit status 0: all done.
 */
#include <event2/dns.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/delivery.h"

#include "common/banned.h"

#define FILE_MAX  (1 << 28)
#define PIECE_MAX 16381
#define SILENCE_S 60

struct files {
	struct buffer *file;
	size_t count, at; /* at: the one that is being written */
	size_t written;	  /* of it */
	size_t times;	  /* still to go through all of them */
	size_t cut;	  /* bytes of the last one; 0: all */
	uint32_t uid;
	size_t due; /* verdicts */
	bool begun, failed, down, busy;
	struct delivery_envelope envelope;
	struct delivery *delivery;
	struct event_base *base;
};

static void read_file(const char *path, struct buffer *bytes)
{
	char chunk[65536];
	FILE *file = fopen(path, "rb");
	size_t n;

	if (file == NULL)
		fatal("%s: cannot be read", path);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)buffer_append(bytes, chunk, n);
	if (ferror(file) != 0 || !buffer_ok(bytes))
		fatal("%s: cannot be read", path);
	(void)fclose(file);
}

static bool is_last(const struct files *files)
{
	return files->times == 1 && files->at + 1 == files->count;
}

static void finish_file(struct files *files)
{
	if (is_last(files) && files->cut > 0) {
		delivery_drop(files->delivery);
	} else {
		files->due++;
		delivery_end(files->delivery, files->uid);
	}
	files->begun = false;
	files->written = 0;
	if (++files->at == files->count) {
		files->at = 0;
		files->times--;
	}
}

static void begin_file(struct files *files)
{
	struct delivery_facts facts = {
		.uid = ++files->uid,
		.size_bytes = files->file[files->at].len,
		.envelope = &files->envelope,
	};

	delivery_begin(files->delivery, &facts);
	files->begun = true;
}

/* False: no more for now. */
static bool write_piece(struct files *files)
{
	const struct buffer *file = &files->file[files->at];
	size_t len = is_last(files) && files->cut > 0 ? files->cut : file->len;
	size_t piece = len - files->written < PIECE_MAX ? len - files->written : PIECE_MAX;
	bool room = delivery_write(files->delivery,
				   (struct span){buffer_cstr(file) + files->written, piece});

	files->written += piece;
	if (files->written == len)
		finish_file(files);
	return room;
}

static void end_if_over(struct files *files)
{
	if (files->down || (files->times == 0 && files->due == 0))
		(void)event_base_loopbreak(files->base);
}

/* A verdict may come from within delivery_end(). */
static void go_on(struct files *files)
{
	bool room = true;

	if (files->busy)
		return;
	files->busy = true;
	while (room && files->times > 0 && !files->down) {
		if (!files->begun)
			begin_file(files);
		room = write_piece(files);
	}
	files->busy = false;
	end_if_over(files);
}

static void on_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict)
{
	static const char *const names[] = {"done", "later", "refused", "down"};
	struct files *files = ctx;

	if (uid != 0)
		files->due--;
	files->down |= verdict->kind == DELIVERY_DOWN && uid == 0;
	files->failed |= verdict->kind != DELIVERY_DONE;
	if (verdict->kind == DELIVERY_DONE)
		printf("done %u\n", (unsigned)uid);
	else
		printf("%s %u: %s: %s\n", names[verdict->kind], (unsigned)uid,
		       outcome_name(verdict->outcome), verdict->err.text);
	if (!files->busy)
		end_if_over(files);
}

static void on_room(void *ctx)
{
	go_on(ctx);
}

static void on_silence(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fatal("no verdict within %d s", SILENCE_S);
}

static void run(struct files *files, const struct delivery_config *config)
{
	static const struct timeval silence = {.tv_sec = SILENCE_S};
	struct delivery_world world = {.base = files->base};
	struct delivery_handler handler = {on_verdict, on_room, files};
	struct event *timer = evtimer_new(files->base, on_silence, NULL);
	struct err err = ERR_INIT;

	world.dns = evdns_base_new(files->base, 0);
	(void)evdns_base_resolv_conf_parse(world.dns, DNS_OPTION_HOSTSFILE, "/dev/null");
	(void)evtimer_add(timer, &silence);
	if (delivery_open(config, &world, &handler, &files->delivery, &err) != OUTCOME_OK)
		fatal("%s", err.text);
	go_on(files);
	if (!files->down && (files->times > 0 || files->due > 0))
		(void)event_base_dispatch(files->base);
	delivery_close(files->delivery);
	event_free(timer);
	evdns_base_free(world.dns, 0);
}

static void confine(const struct delivery_config *config)
{
	struct confine_files *allowed = confine_files_new();
	char *directory = delivery_directory(config);

	confine_files_allow_system(allowed);
	if (directory != NULL)
		confine_files_allow(allowed, CONFINE_WRITE, directory);
	free(directory);
	(void)confine_files_enforce(allowed);
}

static void take_options(int argc, char **argv, struct files *files, struct words *recipients,
			 struct delivery_config *config)
{
	int option;

	while ((option = getopt(argc, argv, "f:r:p:t:n:x:v")) != -1) {
		switch (option) {
		case 'f':
			files->envelope.sender = optarg;
			break;
		case 'r':
			words_push(recipients, span_from_str(optarg));
			break;
		case 'p':
			config->parallel = strtol(optarg, NULL, 10);
			break;
		case 't':
			config->timeout_s = strtol(optarg, NULL, 10);
			break;
		case 'n':
			files->times = strtoul(optarg, NULL, 10);
			break;
		case 'x':
			files->cut = strtoul(optarg, NULL, 10);
			break;
		case 'v':
			log_init("deliver-file", LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
			break;
		default:
			fatal("usage: see the source");
		}
	}
	if (argc - optind < 2)
		fatal("usage: see the source");
}

int main(int argc, char **argv)
{
	struct files files = {.times = 1, .envelope = {.sender = ""}};
	struct delivery_config config = {0};
	struct words recipients = {0};
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	log_init("deliver-file", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	take_options(argc, argv, &files, &recipients, &config);
	if (delivery_config_parse(argv[optind], &config, &err) != OUTCOME_OK)
		fatal("%s", err.text);
	files.envelope.recipients = &recipients;
	files.count = (size_t)(argc - optind - 1);
	files.file = xcalloc(files.count, sizeof(*files.file));
	for (size_t i = 0; i < files.count; i++) {
		buffer_init(&files.file[i], FILE_MAX);
		read_file(argv[optind + 1 + (int)i], &files.file[i]);
	}
	files.base = event_base_new();
	confine(&config);
	run(&files, &config);
	for (size_t i = 0; i < files.count; i++)
		buffer_release(&files.file[i]);
	free(files.file);
	event_base_free(files.base);
	words_release(&recipients);
	delivery_config_release(&config);
	return files.failed ? 1 : 0;
}
