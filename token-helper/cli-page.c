/* SPDX-License-Identifier: MIT */
/* cli-page.c - see cli-page.h. */
#include "token-helper/cli-page.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/base64.h"

#include "common/banned.h"

/* Colours have a contrast of 7 to 1 or more (WCAG 2, level AAA). Nothing is said by colour alone.
 */
static const char style[] =
	":root{color-scheme:light dark;--text:#1a1a1a;--paper:#fff;--good:#0b5a2a;--bad:#8c1010;"
	"--quiet:#4a4a4a;--line:#ccc}"
	"@media (prefers-color-scheme:dark){:root{--text:#f0f0f0;--paper:#161616;--good:#7ee2a0;"
	"--bad:#ffb3ab;--quiet:#c0c0c0;--line:#555}}"
	"body{margin:0;padding:1.5rem;background:var(--paper);color:var(--text);"
	"font:1.125rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
	"main{max-width:38rem;margin:0 auto}"
	"h1{font-size:1.6rem;line-height:1.25;border-left:.4rem solid;padding-left:.8rem}"
	".good h1{color:var(--good)}.bad h1{color:var(--bad)}"
	"dt{color:var(--quiet);margin-top:1rem;font-size:1rem}dd{margin:0}"
	"code{font-family:ui-monospace,monospace;border:1px solid var(--line);padding:.1rem .3rem}";

void page_append_policy(struct buffer *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	(void)buffer_append_str(out, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
				     "form-action 'none'; style-src ");
	if (EVP_Digest(style, sizeof(style) - 1, digest, &len, EVP_sha256(), NULL) == 1) {
		(void)buffer_append_str(out, "'sha256-");
		(void)base64_encode(out, (struct span){(const char *)digest, len});
		(void)buffer_append_str(out, "'");
	} else {
		(void)buffer_append_str(out, "'none'");
	}
}

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

/* mood: "good", "bad", or "" for neither. */
static void page_open(struct buffer *html, const char *mood, const char *title, const char *account)
{
	(void)buffer_append_str(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
				      "<meta charset=\"utf-8\">\n"
				      "<meta name=\"viewport\" content=\"width=device-width\">\n"
				      "<meta name=\"color-scheme\" content=\"light dark\">\n"
				      "<title>mailoauth: ");
	if (account != NULL) {
		page_append_escaped(html, account);
		(void)buffer_append_byte(html, ' ');
	}
	(void)buffer_printf(html, "%s</title>\n<style>%s</style>\n</head>\n<body>\n", title, style);
	(void)buffer_printf(html, "<main%s%s%s>\n<h1>", mood[0] != '\0' ? " class=\"" : "", mood,
			    mood[0] != '\0' ? "\"" : "");
	if (account != NULL) {
		page_append_escaped(html, account);
		(void)buffer_append_byte(html, ' ');
	}
	(void)buffer_printf(html, "%s</h1>\n", title);
}

static void page_close(struct buffer *html)
{
	(void)buffer_append_str(html, "</main>\n</body>\n</html>\n");
}

/* role: "status" or "alert": a screen reader says it at once. */
static void paragraph(struct buffer *html, const char *role, const char *text)
{
	(void)buffer_printf(html, "<p%s%s%s>", role != NULL ? " role=\"" : "",
			    role != NULL ? role : "", role != NULL ? "\"" : "");
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
	page_open(html, "good", "is authorized", done->account);
	paragraph(html, "status", "The sign-in is done. You can close this page.");
	(void)buffer_append_str(html, "<dl>\n");
	term(html, "Account", done->account);
	term(html, "Signed in as",
	     done->identity != NULL ? done->identity : "not verified: the provider does not say");
	term(html, "May now",
	     done->scope != NULL ? done->scope : "what was asked for; the provider does not say");
	term(html, "Access token until", done->until != NULL ? done->until : "unknown");
	term(html, "Renewed without you",
	     done->refresh_token ? "yes"
				 : "no: the provider gave no refresh token; see the terminal");
	(void)buffer_append_str(html, "</dl>\n");
	page_close(html);
}

/* The command at the end of why, NULL: none; and where the rest ends. */
static const char *command_in(const char *why, size_t *rest_out)
{
	static const char mark[] = "; run: ";
	const char *run = strstr(why, mark);

	*rest_out = run != NULL ? (size_t)(run - why) : strlen(why);
	return run != NULL ? run + sizeof(mark) - 1 : NULL;
}

static void reasons(struct buffer *html, const struct unauthorized *failure)
{
	struct buffer what = BUFFER_INIT(PAGE_MAX);
	size_t rest;
	const char *command = command_in(failure->why, &rest);

	(void)buffer_append(&what, failure->why, rest);
	term(html, "What happened", buffer_cstr(&what));
	buffer_release(&what);
	if (failure->meaning != NULL)
		term(html, "What it means", failure->meaning);
	if (failure->remedy != NULL)
		term(html, "What to do", failure->remedy);
	if (command == NULL)
		return;
	(void)buffer_append_str(html, "<dt>What to type next, in the terminal</dt><dd><code>");
	page_append_escaped(html, command);
	(void)buffer_append_str(html, "</code></dd>\n");
}

void page_failure(struct buffer *html, const struct unauthorized *failure)
{
	page_open(html, "bad", failure->waiting ? "is still waiting" : "is not authorized",
		  failure->account);
	paragraph(html, "alert",
		  failure->waiting
			  ? "That was not accepted. The authorization still waits for your "
			    "sign-in: go on in the page that asked you to sign in."
			  : "Nothing was stored, and an older authorization stays as it was. The "
			    "terminal says the same.");
	(void)buffer_append_str(html, "<dl>\n");
	term(html, "Account", failure->account);
	reasons(html, failure);
	(void)buffer_append_str(html, "</dl>\n");
	page_close(html);
}

void page_not_here(struct buffer *html)
{
	page_open(html, "", "nothing here", NULL);
	paragraph(html, NULL,
		  "This address waits for one answer from your mail provider's sign-in page.");
	page_close(html);
}

void page_over(struct buffer *html)
{
	page_open(html, "", "over", NULL);
	paragraph(html, NULL, "This authorization has ended already. The terminal says how.");
	page_close(html);
}
