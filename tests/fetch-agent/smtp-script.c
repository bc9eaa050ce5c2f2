/* SPDX-License-Identifier: MIT */
/* smtp-script.c - see smtp-script.h. */
#include "tests/fetch-agent/smtp-script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/banned.h"

#define LINE_SIZE  70000
#define PATIENCE_S 20

static FILE *next_connection(int listener, FILE *last)
{
	FILE *stream;
	int fd;

	if (last != NULL)
		(void)fclose(last);
	fd = accept(listener, NULL, NULL);
	stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (stream == NULL)
		peer_process_give_up("accept");
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

/* What the process gets: the script, and its ends of the pipes. */
struct playing {
	const char *text;
	int note, go;
};

static void play_line(FILE *stream, const char *line, const struct playing *playing)
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
		if (write(playing->note, &byte, 1) != 1 || read(playing->go, &byte, 1) != 1)
			peer_process_give_up("note");
	}
}

static void serve(int listener, void *context)
{
	const struct playing *playing = context;
	char *text = strdup(playing->text);
	FILE *stream;

	(void)alarm(PATIENCE_S);
	stream = next_connection(listener, NULL);
	for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
		if (strcmp(line, "X") == 0)
			break;
		if (strcmp(line, "--") == 0)
			stream = next_connection(listener, stream);
		else
			play_line(stream, line, playing);
	}
	(void)fclose(stream);
}

void smtp_script_start(struct smtp_script *script, const char *text)
{
	struct playing playing = {.text = text};
	int note[2], go[2];

	if (pipe(note) < 0 || pipe(go) < 0)
		peer_process_give_up("pipe");
	playing.note = note[1];
	playing.go = go[0];
	peer_process_start(&script->process, serve, &playing);
	(void)close(note[1]);
	(void)close(go[0]);
	script->note = note[0];
	script->go = go[1];
}

void smtp_script_go(struct smtp_script *script)
{
	if (write(script->go, "g", 1) != 1)
		peer_process_give_up("go");
}

bool smtp_script_end(struct smtp_script *script)
{
	int status = peer_process_end(&script->process);

	(void)close(script->note);
	(void)close(script->go);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
