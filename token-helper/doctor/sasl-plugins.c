/* SPDX-License-Identifier: MIT */
/* sasl-plugins.c - see sasl-plugins.h. */
#include "token-helper/doctor/sasl-plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/scanner.h"

#include "common/banned.h"

#define OUTPUT_MAX 65536
#define CHILD_S	   20

/* In the child ---------------------------------------------------------------------------------*/

static int say_nothing(void *context, int level, const char *message)
{
	(void)context, (void)level, (void)message;
	return SASL_OK;
}

static void on_plugin(client_sasl_mechanism_t *mechanism, sasl_info_callback_stage_t stage,
		      void *context)
{
	FILE *out = context;

	if (stage == SASL_INFO_LIST_MECH && mechanism != NULL)
		(void)fprintf(out, "%s %s\n", mechanism->plug->mech_name,
			      mechanism->plugname != NULL ? mechanism->plugname : "?");
}

static void run_child(const char *path, int out)
{
	static const sasl_callback_t callbacks[] = {
		{SASL_CB_LOG, (int (*)(void))(uintptr_t)say_nothing, NULL},
		{SASL_CB_LIST_END, NULL, NULL},
	};
	FILE *stream = fdopen(out, "w");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)alarm(CHILD_S);
	if (stream == NULL || null < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 ||
	    (path != NULL ? setenv("SASL_PATH", path, 1) : unsetenv("SASL_PATH")) != 0 ||
	    sasl_client_init(callbacks) != SASL_OK ||
	    sasl_client_plugin_info(NULL, on_plugin, stream) != SASL_OK || fflush(stream) != 0)
		_exit(1);
	_exit(0);
}

/* Outside ------------------------------------------------------------------------------------- */

/* libsasl2's own directory is beside it: LIBDIR/sasl2. */
static void default_path(char *path, size_t size)
{
	Dl_info info;
	const char *slash;

	path[0] = '\0';
	if (dladdr((const void *)(uintptr_t)sasl_client_plugin_info, &info) == 0 ||
	    info.dli_fname == NULL)
		return;
	slash = strrchr(info.dli_fname, '/');
	if (slash != NULL)
		(void)snprintf(path, size, "%.*s/sasl2", (int)(slash - info.dli_fname),
			       info.dli_fname);
}

/* The first file of its name on the path. */
static void find_file(const char *path, const char *name, char *file, size_t size)
{
	while (*path != '\0') {
		size_t len = strcspn(path, ":");
		int n = snprintf(file, size, "%.*s/lib%s.so", (int)len, path, name);

		if (n > 0 && (size_t)n < size && access(file, F_OK) == 0)
			return;
		path += len + (path[len] == ':');
	}
	file[0] = '\0';
}

static void read_line(struct span line, struct sasl_plugins *out)
{
	struct scanner scan = scanner_over(line);
	char file[sizeof(out->list[0].file)];
	struct span mechanism;
	struct sasl_plugin *plugin = &out->list[out->count];

	if (out->count == SASL_PLUGINS_MAX ||
	    !scan_until(&scan, ' ', sizeof(plugin->mechanism) - 1, &mechanism))
		return;
	(void)snprintf(plugin->mechanism, sizeof(plugin->mechanism), "%.*s", (int)mechanism.len,
		       mechanism.ptr);
	(void)snprintf(plugin->name, sizeof(plugin->name), "%.*s", (int)scanner_left(&scan),
		       scan.cur);
	find_file(out->path, plugin->name, file, sizeof(file));
	memcpy(plugin->file, file, sizeof(file));
	out->count++;
}

static void read_output(struct span text, struct sasl_plugins *out)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	while (scan_until(&scan, '\n', OUTPUT_MAX, &line))
		read_line(line, out);
}

static void drain(int in, struct buffer *text)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(in, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			(void)buffer_append(text, chunk, (size_t)n);
	}
}

static enum outcome judge_child(pid_t pid, struct err *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFSIGNALED(status))
		return err_set(err, OUTCOME_RETRY,
			       "a plugin of Cyrus SASL crashes or hangs when it is loaded (%s)",
			       strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_set(err, OUTCOME_RETRY, "Cyrus SASL does not start");
	return OUTCOME_OK;
}

enum outcome sasl_plugins_read(const char *path, struct sasl_plugins *out, struct err *err)
{
	struct buffer text = BUFFER_INIT(OUTPUT_MAX);
	enum outcome outcome;
	int pipes[2];
	pid_t pid;

	memset(out, 0, sizeof(*out));
	if (path != NULL)
		(void)snprintf(out->path, sizeof(out->path), "%s", path);
	else
		default_path(out->path, sizeof(out->path));
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, OUTCOME_RETRY, "pipe: %s", strerror(errno));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(path, pipes[1]);
	(void)close(pipes[1]);
	if (pid > 0) {
		drain(pipes[0], &text);
		outcome = judge_child(pid, err);
		read_output(buffer_span(&text), out);
	} else {
		outcome = err_set(err, OUTCOME_RETRY, "fork: %s", strerror(errno));
	}
	(void)close(pipes[0]);
	buffer_release(&text);
	return outcome;
}
