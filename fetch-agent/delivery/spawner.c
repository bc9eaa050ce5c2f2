/* SPDX-License-Identifier: MIT */
/* spawner.c - the main process's end of the spawner: see spawner.h. */
#include "fetch-agent/delivery/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/passing.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/spawner-private.h"

#include "common/banned.h"

struct pending {
	struct pending *next;
	uint32_t run;
	spawn_done_fn *done; /* NULL: forgotten */
	void *ctx;
};

/* What tells one program from another, after a reload too. */
struct known {
	char *text, *user;
};

struct spawner {
	int fd; /* -1: it died */
	pid_t pid;
	struct known *known; /* as in the spawner, in the same order */
	size_t count;
	struct event *readable;
	spawner_lost_fn *lost;
	void *ctx;
	struct pending *pending;
	uint32_t last_run;
};

static enum outcome identify(const struct delivery_config *config, struct spawn_identity *identity,
			     struct err *err)
{
	const struct passwd *user;

	errno = 0;
	user = config->mda_user != NULL ? getpwnam(config->mda_user) : getpwuid(geteuid());
	if (user == NULL && config->mda_user != NULL)
		return err_set(err, OUTCOME_CONFIG, "mda_user = %s: there is no such user",
			       config->mda_user);
	identity->name = xstrdup(user != NULL ? user->pw_name : "unknown");
	identity->home = xstrdup(user != NULL ? user->pw_dir : "/");
	identity->uid = user != NULL ? user->pw_uid : geteuid();
	identity->gid = user != NULL ? user->pw_gid : getegid();
	if (identity->uid != geteuid() && geteuid() != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "mda_user = %s needs root: start mailoauth-fetch as root, it drops "
			       "its privileges itself; or leave mda_user out",
			       config->mda_user);
	identity->change = identity->uid != geteuid();
	identity->group_count = SPAWN_GROUPS_MAX;
	if (getgrouplist(identity->name, identity->gid, identity->groups, &identity->group_count) <
	    0)
		identity->group_count = SPAWN_GROUPS_MAX;
	return OUTCOME_OK;
}

static void identities_free(struct spawn_identity *identities, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(identities[i].name);
		free(identities[i].home);
	}
	free(identities);
}

static struct spawner *fork_off(const struct delivery_config *const *configs,
				const struct spawn_identity *identities, size_t count)
{
	struct spawner *spawner;
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		spawner_main(ends[1], configs, identities, count);
	}
	(void)close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		(void)close(ends[0]);
		return NULL;
	}
	spawner = xcalloc(1, sizeof(*spawner));
	spawner->fd = ends[0];
	spawner->pid = pid;
	return spawner;
}

static void remember(struct spawner *spawner, const struct delivery_config *const *configs,
		     size_t count)
{
	spawner->known = xcalloc(count, sizeof(*spawner->known));
	spawner->count = count;
	for (size_t i = 0; i < count; i++)
		spawner->known[i] =
			(struct known){xstrdup(configs[i]->text), xstrdup(configs[i]->mda_user)};
}

enum outcome spawner_start(const struct delivery_config *const *configs, size_t count,
			   struct spawner **out, struct err *err)
{
	struct spawn_identity *identities = xcalloc(count, sizeof(*identities));
	enum outcome what = OUTCOME_OK;
	struct spawner *spawner;

	for (size_t i = 0; i < count && what == OUTCOME_OK; i++)
		what = identify(configs[i], &identities[i], err);
	if (what == OUTCOME_OK) {
		spawner = fork_off(configs, identities, count);
		if (spawner == NULL) {
			what = err_set(err, OUTCOME_RETRY, "cannot fork for the MDAs: %s",
				       strerror(errno));
		} else {
			remember(spawner, configs, count);
			*out = spawner;
		}
	}
	identities_free(identities, count);
	return what;
}

static struct pending *pending_take(struct spawner *spawner, uint32_t run)
{
	for (struct pending **link = &spawner->pending; *link != NULL; link = &(*link)->next) {
		struct pending *pending = *link;

		if (pending->run == run) {
			*link = pending->next;
			return pending;
		}
	}
	return NULL;
}

static void pending_done(struct pending *pending, enum spawn_end how, int status)
{
	if (pending == NULL)
		return;
	if (pending->done != NULL)
		pending->done(pending->ctx, how, status);
	free(pending);
}

static void died(struct spawner *spawner)
{
	struct pending *pending;

	(void)event_del(spawner->readable);
	(void)close(spawner->fd);
	spawner->fd = -1;
	while ((pending = spawner->pending) != NULL) {
		spawner->pending = pending->next;
		pending_done(pending, SPAWN_LOST, 0);
	}
	spawner->lost(spawner->ctx);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	struct spawner *spawner = ctx;
	struct spawn_report report;
	ssize_t len;

	(void)what;
	while (spawner->fd >= 0 && (len = recv(fd, &report, sizeof(report), MSG_DONTWAIT)) != 0) {
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len != sizeof(report))
			break;
		pending_done(pending_take(spawner, report.run), (enum spawn_end)report.how,
			     report.status);
	}
	if (spawner->fd >= 0)
		died(spawner);
}

void spawner_attach(struct spawner *spawner, struct event_base *base, spawner_lost_fn *lost,
		    void *ctx)
{
	spawner->lost = lost;
	spawner->ctx = ctx;
	spawner->readable = event_new(base, spawner->fd, EV_READ | EV_PERSIST, on_report, spawner);
	if (spawner->readable == NULL || event_add(spawner->readable, NULL) != 0)
		abort(); /* as xalloc: out of memory */
}

void spawner_stop(struct spawner *spawner)
{
	struct pending *pending;

	if (spawner == NULL)
		return;
	if (spawner->readable != NULL)
		event_free(spawner->readable);
	if (spawner->fd >= 0)
		(void)close(spawner->fd);
	(void)waitpid(spawner->pid, NULL, 0);
	while ((pending = spawner->pending) != NULL) {
		spawner->pending = pending->next;
		free(pending);
	}
	for (size_t i = 0; i < spawner->count; i++) {
		free(spawner->known[i].text);
		free(spawner->known[i].user);
	}
	free(spawner->known);
	free(spawner);
}

static bool give_order(const struct spawner *spawner, const struct spawn_order *order, size_t len,
		       const int *fds)
{
	if (spawner->fd >= 0 &&
	    passing_send(spawner->fd, order, len, fds, fds != NULL ? SPAWN_FDS : 0))
		return true;
	/* Its death may be known here before on_report() is told. */
	if (spawner->fd < 0 || errno == ECONNRESET || errno == ECONNREFUSED || errno == ENOTCONN)
		errno = EPIPE;
	return false;
}

/* False: too long. */
static bool pack_values(const struct spawn_values *values, struct spawn_order *order,
			size_t *len_out)
{
	const char *const each[SPAWN_VALUES] = {values->sender, values->recipient, values->folder,
						values->account};
	size_t at = 0;

	for (size_t i = 0; i < SPAWN_VALUES; i++) {
		const char *value = each[i] != NULL ? each[i] : "";
		size_t len = strlen(value) + 1;

		if (len > SPAWN_VALUES_BYTES - at)
			return false;
		memcpy(order->values + at, value, len);
		at += len;
	}
	*len_out = ORDER_HEAD + at;
	return true;
}

static bool same_user(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* spawner->count: none. */
static size_t program_of(const struct spawner *spawner, const struct delivery_config *config)
{
	size_t i = 0;

	while (i < spawner->count && (strcmp(spawner->known[i].text, config->text) != 0 ||
				      !same_user(spawner->known[i].user, config->mda_user)))
		i++;
	return i;
}

bool spawner_knows(const struct spawner *spawner, const struct delivery_config *config)
{
	return spawner != NULL && program_of(spawner, config) < spawner->count;
}

uint32_t spawner_run(struct spawner *spawner, const struct delivery_config *config,
		     const struct spawn_values *values, const int input[2], int output,
		     spawn_done_fn *done, void *ctx)
{
	struct spawn_order order = {.kind = ORDER_RUN,
				    .run = spawner->last_run + 1,
				    .program = (uint32_t)program_of(spawner, config)};
	struct pending *pending;
	size_t len;

	errno = EAGAIN;
	if (order.program == spawner->count || order.run == 0 ||
	    !pack_values(values, &order, &len) ||
	    !give_order(spawner, &order, len, (const int[SPAWN_FDS]){input[0], input[1], output}))
		return 0;
	spawner->last_run = order.run;
	pending = xcalloc(1, sizeof(*pending));
	*pending = (struct pending){spawner->pending, order.run, done, ctx};
	spawner->pending = pending;
	return order.run;
}

void spawner_whole(struct spawner *spawner, uint32_t run)
{
	struct spawn_order order = {.kind = ORDER_WHOLE, .run = run};

	(void)give_order(spawner, &order, ORDER_HEAD, NULL);
}

void spawner_kill(struct spawner *spawner, uint32_t run, int signum)
{
	struct spawn_order order = {.kind = ORDER_KILL, .run = run, .signum = signum};

	(void)give_order(spawner, &order, ORDER_HEAD, NULL);
}

void spawner_forget(struct spawner *spawner, uint32_t run)
{
	for (struct pending *pending = spawner->pending; pending != NULL; pending = pending->next) {
		if (pending->run == run)
			pending->done = NULL;
	}
}
