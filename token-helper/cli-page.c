/* SPDX-License-Identifier: MIT */
/* cli-page.c - see cli-page.h. */
#include "token-helper/cli-page.h"

#include <string.h>

#include "common/banned.h"

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return (unsigned char)c < 0x20 || c == 0x7f ? "&#xfffd;" : NULL;
	}
}

void page_append_escaped(struct buffer *html, const char *str)
{
	for (; *str != '\0'; str++) {
		const char *escaped = entity(*str);

		if (escaped != NULL)
			(void)buffer_append_str(html, escaped);
		else
			(void)buffer_append_byte(html, *str);
	}
}

static void page_open(struct buffer *html, const char *title)
{
	(void)buffer_printf(html,
			    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
			    "<meta charset=\"utf-8\">\n"
			    "<meta name=\"viewport\" content=\"width=device-width\">\n"
			    "<meta name=\"color-scheme\" content=\"light dark\">\n"
			    "<title>mailoauth: %s</title>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n",
			    title, title);
}

static void page_close(struct buffer *html)
{
	(void)buffer_append_str(html, "</main>\n</body>\n</html>\n");
}

static void paragraph(struct buffer *html, const char *text)
{
	(void)buffer_append_str(html, "<p>");
	page_append_escaped(html, text);
	(void)buffer_append_str(html, "</p>\n");
}

static void term(struct buffer *html, const char *name, const char *value)
{
	(void)buffer_printf(html, "<dt>%s</dt><dd>", name);
	page_append_escaped(html, value);
	(void)buffer_append_str(html, "</dd>\n");
}

void page_success(struct buffer *html, const struct authorized *done)
{
	page_open(html, "authorized");
	(void)buffer_append_str(html, "<dl>\n");
	term(html, "Account", done->account);
	term(html, "Signed in as",
	     done->identity != NULL ? done->identity : "not verified: the provider does not say");
	term(html, "Access token until", done->until != NULL ? done->until : "unknown");
	term(html, "Renewed without you",
	     done->refresh_token ? "yes"
				 : "no: the provider gave no refresh token; see the terminal");
	(void)buffer_append_str(html, "</dl>\n");
	paragraph(html, "You can close this page.");
	page_close(html);
}

void page_failure(struct buffer *html, const char *account, const char *why, bool waiting)
{
	page_open(html, waiting ? "not accepted" : "not authorized");
	(void)buffer_append_str(html, "<dl>\n");
	term(html, "Account", account);
	term(html, "What happened", why);
	(void)buffer_append_str(html, "</dl>\n");
	paragraph(html, waiting ? "The authorization still waits for your sign-in. Go on in the "
				  "page that asked you to sign in."
				: "Nothing was stored. The terminal says the same, and what to "
				  "type next.");
	page_close(html);
}

void page_not_here(struct buffer *html)
{
	page_open(html, "nothing here");
	paragraph(html,
		  "This address waits for one answer from your mail provider's sign-in page.");
	page_close(html);
}

void page_over(struct buffer *html)
{
	page_open(html, "over");
	paragraph(html, "This authorization has ended already. The terminal says how.");
	page_close(html);
}
