/* SPDX-License-Identifier: MIT */
/* smtp-script.c - see smtp-script.h. */
#include "tests/fetch-agent/smtp-script.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/banned.h"

#define LINE_SIZE  70000
#define PATIENCE_S 20

static void give_up(const char *what)
{
	perror(what);
	_exit(99);
}

static int listen_on(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
		give_up(path);
	return fd;
}

static FILE *next_connection(int listener, FILE *last)
{
	FILE *stream;
	int fd;

	if (last != NULL)
		(void)fclose(last);
	fd = accept(listener, NULL, NULL);
	stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (stream == NULL)
		give_up("accept");
	return stream;
}

/* A line with its CRLF taken off; an LF alone is left, and fits no script. NULL: the end. */
static const char *hear(FILE *stream)
{
	static char line[LINE_SIZE];
	size_t len;

	if (fgets(line, sizeof(line), stream) == NULL)
		return NULL;
	len = strlen(line);
	if (len >= 2 && line[len - 2] == '\r')
		line[len - 2] = '\0';
	return line;
}

static void differ(const char *wanted, const char *heard)
{
	(void)fprintf(stderr, "# wanted: %s\n# heard:  %s\n", wanted,
		      heard != NULL ? heard : "(the end)");
	_exit(1);
}

static void expect(FILE *stream, const char *wanted)
{
	const char *heard = hear(stream);
	size_t len = strlen(wanted);

	if (heard == NULL)
		differ(wanted, heard);
	else if (len > 0 && wanted[len - 1] == '*' ? strncmp(heard, wanted, len - 1) != 0
						   : strcmp(heard, wanted) != 0)
		differ(wanted, heard);
}

/* The script's ends of the pipes, in its process. */
static int note_fd, go_fd;

static void play_line(FILE *stream, const char *line)
{
	char byte = 'n';

	const char *heard;

	if (strncmp(line, "S: ", 3) == 0) {
		(void)fseek(stream, 0, SEEK_CUR);
		for (const char *p = line + 3; *p != '\0'; p++)
			(void)(*p == '|' ? fputs("\r\n", stream) : fputc(*p, stream));
		(void)fputs("\r\n", stream);
		(void)fflush(stream);
	} else if (strncmp(line, "C: ", 3) == 0) {
		expect(stream, line + 3);
	} else if (strcmp(line, "M") == 0) {
		while ((heard = hear(stream)) != NULL && strcmp(heard, ".") != 0)
			;
		if (heard == NULL)
			differ(".", heard);
	} else if (strcmp(line, "E") == 0) {
		heard = hear(stream);
		if (heard != NULL && strcmp(heard, "QUIT") != 0)
			differ("(the end)", heard);
	} else if (strcmp(line, "N") == 0) {
		if (write(note_fd, &byte, 1) != 1 || read(go_fd, &byte, 1) != 1)
			give_up("note");
	}
}

static void serve(int listener, char *text)
{
	FILE *stream = next_connection(listener, NULL);

	for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
		if (strcmp(line, "X") == 0)
			break;
		if (strcmp(line, "--") == 0)
			stream = next_connection(listener, stream);
		else
			play_line(stream, line);
	}
	(void)fclose(stream);
	_exit(0);
}

void smtp_script_start(struct smtp_script *script, const char *text)
{
	int note[2], go[2];
	int listener;

	(void)snprintf(script->dir, sizeof(script->dir), "/tmp/mailoauth-XXXXXX");
	if (mkdtemp(script->dir) == NULL || pipe(note) < 0 || pipe(go) < 0)
		give_up("smtp-script");
	(void)snprintf(script->path, sizeof(script->path), "%s/socket", script->dir);
	listener = listen_on(script->path);
	script->pid = fork();
	if (script->pid < 0)
		give_up("fork");
	if (script->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		(void)alarm(PATIENCE_S);
		note_fd = note[1];
		go_fd = go[0];
		serve(listener, strdup(text));
	}
	(void)close(listener);
	(void)close(note[1]);
	(void)close(go[0]);
	script->note = note[0];
	script->go = go[1];
}

void smtp_script_go(struct smtp_script *script)
{
	if (write(script->go, "g", 1) != 1)
		give_up("go");
}

bool smtp_script_end(struct smtp_script *script)
{
	int status = -1;

	(void)waitpid(script->pid, &status, 0);
	(void)close(script->note);
	(void)close(script->go);
	(void)unlink(script->path);
	(void)rmdir(script->dir);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
