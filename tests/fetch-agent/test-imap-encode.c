/* SPDX-License-Identifier: MIT */
/* test-imap-encode.c - what we send is exact: strings, names, sets, and what servers say they can.
 */
#include "fetch-agent/imap/imap-encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetch-agent/imap/imap-capability.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void strings(void **state)
{
	static const struct {
		const char *value, *said;
	} table[] = {
		{"abc", "abc"},		  {"", "\"\""},
		{"nil", "\"nil\""},	  {"NILS", "NILS"},
		{"a b", "\"a b\""},	  {"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"a*", "\"a*\""},	  {"a%", "\"a%\""},
		{"a{b", "\"a{b\""},	  {"(a)", "\"(a)\""},
		{"[x]", "\"[x]\""},	  {"a\r\nb", "{4+}\r\na\r\nb"},
		{"\177", "{1+}\r\n\177"}, {"\303\274", "{2+}\r\n\303\274"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buffer out = BUFFER_INIT(1000);
		struct imap_encoder enc = {.out = &out, .literals = IMAP_LITERALS_PLUS};

		assert_true(imap_encode_astring(&enc, span_from_str(table[i].value)));
		assert_string_equal(buffer_cstr(&out), table[i].said);
		assert_int_equal(enc.wait_count, 0);
		buffer_release(&out);
	}
}

static void literals_wait_where_they_must(void **state)
{
	struct buffer out = BUFFER_INIT(20000);
	struct imap_encoder enc = {.out = &out, .literals = IMAP_LITERALS_SYNC};
	static char large[4097];

	(void)state;
	assert_true(imap_encode_astring(&enc, span_from_str("a\nb")));
	assert_string_equal(buffer_cstr(&out), "{3}\r\na\nb");
	assert_int_equal(enc.wait_count, 1);
	assert_int_equal(enc.waits[0], 5);
	for (size_t i = 1; i < IMAP_WAITS_MAX; i++)
		assert_true(imap_encode_astring(&enc, span_from_str("\n")));
	assert_false(imap_encode_astring(&enc, span_from_str("\n")));

	memset(large, 'x', sizeof(large));
	buffer_clear(&out);
	enc = (struct imap_encoder){.out = &out, .literals = IMAP_LITERALS_MINUS};
	assert_true(imap_encode_astring(&enc, (struct span){large, 4096}));
	assert_memory_equal(out.data, "{4096+}\r\nxx", 11);
	assert_int_equal(enc.wait_count, 0);
	buffer_clear(&out);
	assert_true(imap_encode_astring(&enc, (struct span){large, 4097}));
	assert_memory_equal(out.data, "{4097}\r\nxxx", 11);
	assert_int_equal(enc.waits[0], 8);
	buffer_clear(&out);
	assert_true(imap_encode_astring(&enc, (struct span){large, 1000}));
	assert_int_equal(out.len, 1000);
	buffer_release(&out);
}

static void what_cannot_be_said(void **state)
{
	struct buffer out = BUFFER_INIT(8);
	struct imap_encoder enc = {.out = &out, .literals = IMAP_LITERALS_PLUS};

	(void)state;
	assert_false(imap_encode_astring(&enc, (struct span){"a\0b", 3}));
	assert_int_equal(out.len, 0);
	assert_false(imap_encode_mailbox(&enc, span_from_str("\xff")));
	assert_false(imap_encode_mailbox(&enc, (struct span){"a\0b", 3}));
	assert_int_equal(out.len, 0);
	assert_false(imap_encode_astring(&enc, span_from_str("much too long")));
	buffer_release(&out);
}

static void mailboxes(void **state)
{
	static const struct {
		const char *name;
		const char *utf7;
		const char *utf8;
	} table[] = {
		{"inbox", "INBOX", "INBOX"},
		{"InBox/x", "InBox/x", "InBox/x"},
		{"Entw\303\274rfe", "Entw&APw-rfe", "\"Entw\303\274rfe\""},
		{"R&D", "R&-D", "R&D"},
		{"Sent Items", "\"Sent Items\"", "\"Sent Items\""},
		{"a\nb", "a&AAo-b", "{3+}\r\na\nb"},
		{"", "\"\"", "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buffer out = BUFFER_INIT(1000);
		struct imap_encoder enc = {.out = &out, .literals = IMAP_LITERALS_PLUS};

		assert_true(imap_encode_mailbox(&enc, span_from_str(table[i].name)));
		assert_string_equal(buffer_cstr(&out), table[i].utf7);
		buffer_clear(&out);
		enc.utf8 = true;
		assert_true(imap_encode_mailbox(&enc, span_from_str(table[i].name)));
		assert_string_equal(buffer_cstr(&out), table[i].utf8);
		buffer_release(&out);
	}
}

static void utf7_both_ways(void **state)
{
	static const struct {
		const char *utf8;
		const char *utf7;
	} table[] = {
		{"", ""},
		{"abc ~", "abc ~"},
		{"&", "&-"},
		{"&&", "&-&-"},
		{"\303\251", "&AOk-"},
		{"\303\251&\303\251", "&AOk-&-&AOk-"},
		{"~peter/mail/\345\217\260\345\214\227/\346\227\245\346\234\254\350\252\236",
		 "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"\360\237\230\200", "&2D3eAA-"},
		{"\364\217\277\277", "&2,,f,w-"},
		{"\360\220\200\200", "&2ADcAA-"},
		{"\001", "&AAE-"},
		{"\177", "&AH8-"},
		{"\355\237\277\356\200\200", "&1,,gAA-"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buffer out = BUFFER_INIT(100);

		(void)buffer_append_str(&out, "<");
		assert_true(imap_utf7_encode(&out, span_from_str(table[i].utf8)));
		assert_string_equal(buffer_cstr(&out) + 1, table[i].utf7);
		buffer_clear(&out);
		assert_true(imap_utf7_decode(&out, span_from_str(table[i].utf7)));
		assert_string_equal(buffer_cstr(&out), table[i].utf8);
		buffer_release(&out);
	}
}

static void invalid_names(void **state)
{
	static const char *const not_utf7[] = {
		"\303\251",					  /* 8-bit */
		"a\nb",	      "\177",  "&",	 "a&",	  "&AOk", /* open */
		"&A-",	      "&AO-",				  /* half a character */
		"&AOl-",					  /* spare bits */
		"&AOkA-",					  /* a six too many */
		"&AGE-",					  /* "a" */
		"&AOk-&AOk-",					  /* shifts side by side */
		"&2D0-",					  /* half a pair */
		"&3gDYPQ-",					  /* the pair the wrong way round */
		"&2D0AYQ-",   "&AO/-", "&AOk=-", "&AAA-",
	};
	static const char *const not_utf8[] = {
		"\200",
		"\303",
		"\303(",
		"\300\200",
		"\301\277",
		"\340\200\200",
		"\340\237\277",
		"\355\240\200",
		"\355\277\277",
		"\342\202",
		"\360\200\200\200",
		"\364\220\200\200",
		"\370\210\200\200\200",
		"a\377",
	};
	struct buffer out = BUFFER_INIT(100);

	(void)state;
	(void)buffer_append_str(&out, "x");
	for (size_t i = 0; i < COUNT(not_utf7); i++) {
		if (imap_utf7_decode(&out, span_from_str(not_utf7[i])))
			fail_msg("%s was taken", not_utf7[i]);
		assert_string_equal(buffer_cstr(&out), "x");
	}
	for (size_t i = 0; i < COUNT(not_utf8); i++) {
		if (imap_utf7_encode(&out, span_from_str(not_utf8[i])))
			fail_msg("invalid UTF-8 %zu was taken", i);
		assert_string_equal(buffer_cstr(&out), "x");
	}
	assert_false(imap_utf7_encode(&out, (struct span){"a\0", 2}));
	assert_true(buffer_ok(&out));
	buffer_release(&out);
}

static void every_character(void **state)
{
	struct buffer utf7 = BUFFER_INIT(20);
	struct buffer back = BUFFER_INIT(20);

	(void)state;
	for (uint32_t c = 0x80; c < 0x110000; c += c < 0x3000 ? 1 : 37) {
		char text[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
				(char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))};
		size_t skip = c < 0x800 ? 2 : c < 0x10000 ? 1 : 0;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		if (skip == 1)
			text[1] = (char)(0xe0 | c >> 12);
		if (skip == 2)
			text[2] = (char)(0xc0 | c >> 6);
		buffer_clear(&utf7);
		buffer_clear(&back);
		assert_true(imap_utf7_encode(&utf7, (struct span){text + skip, 4 - skip}));
		assert_true(imap_utf7_decode(&back, buffer_span(&utf7)));
		assert_int_equal(back.len, 4 - skip);
		assert_memory_equal(back.data, text + skip, 4 - skip);
	}
	buffer_release(&utf7);
	buffer_release(&back);
}

static void sets_join(void **state)
{
	static const uint32_t numbers[] = {1,  2,  3,  4,	    5,		 7, 9,
					   10, 11, 12, 4294967294u, 4294967295u, 1};
	struct buffer out = BUFFER_INIT(1000);
	struct imap_set_builder set;

	(void)state;
	(void)buffer_append_str(&out, "UID FETCH ");
	imap_set_begin(&set, &out, 100);
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_true(imap_set_add(&set, numbers[i]));
	assert_string_equal(buffer_cstr(&out), "UID FETCH 1:5,7,9:12,4294967294:4294967295,1");
	assert_true(imap_set_add_range(&set, 2, 8));
	assert_false(imap_set_add_range(&set, 8, 7));
	assert_false(imap_set_add(&set, 0));
	assert_string_equal(buffer_cstr(&out), "UID FETCH 1:5,7,9:12,4294967294:4294967295,1:8");
	buffer_release(&out);
}

static void sets_have_a_ceiling(void **state)
{
	struct buffer out = BUFFER_INIT(1000);
	struct imap_set_builder set;

	(void)state;
	(void)buffer_append_str(&out, "UID FETCH ");
	imap_set_begin(&set, &out, 5);
	assert_true(imap_set_add(&set, 8));
	assert_true(imap_set_add(&set, 9));
	assert_true(imap_set_add(&set, 10));
	assert_string_equal(buffer_cstr(&out), "UID FETCH 8:10");
	assert_false(imap_set_add(&set, 100));
	assert_true(imap_set_add_range(&set, 11, 999));
	assert_false(imap_set_add(&set, 1000));
	assert_true(buffer_ok(&out));
	assert_true(set.empty == false);
	assert_string_equal(buffer_cstr(&out), "UID FETCH 8:999");
	buffer_release(&out);
	/* The buffer's own ceiling does not break the buffer either. */
	buffer_init(&out, 4);
	imap_set_begin(&set, &out, 100);
	assert_true(set.empty && imap_set_add(&set, 123));
	assert_false(imap_set_add(&set, 125));
	assert_true(buffer_ok(&out));
	assert_string_equal(buffer_cstr(&out), "123");
	buffer_release(&out);
}

static void capabilities(void **state)
{
	struct imap_capability cap = imap_capability_parse(span_from_str(
		"IMAP4 IMAP4rev1 AUTH=PLAIN auth=XOAuth2 AUTH=Bad,Name AUTH= sasl-ir UIDPLUS "
		"MOVEX XIDLE QRESYNC COMPRESS=DEFLATE LITERAL+ LOGINDISABLED "
		"AUTH=ABCDEFGHIJKLMNOPQRSTU UTF8=ONLY"));

	(void)state;
	assert_int_equal(cap.can, IMAP_CAN_IMAP4REV1 | IMAP_CAN_SASL_IR | IMAP_CAN_UIDPLUS |
					  IMAP_CAN_QRESYNC | IMAP_CAN_CONDSTORE |
					  IMAP_CAN_COMPRESS_DEFLATE | IMAP_CAN_LITERAL_PLUS |
					  IMAP_CAN_UTF8_ACCEPT | IMAP_CAN_UTF8_ONLY |
					  IMAP_CANNOT_LOGIN);
	assert_string_equal(cap.mechanisms, "PLAIN XOAUTH2");
	assert_true(imap_capability_has_mechanism(&cap, "XOAUTH2"));
	assert_false(imap_capability_has_mechanism(&cap, "OAUTH2"));
	assert_false(imap_capability_has_mechanism(&cap, "XOAUTH"));
	cap = imap_capability_parse((struct span){NULL, 0});
	assert_int_equal(cap.can, 0);
	assert_string_equal(cap.mechanisms, "");
}

static void rev2_brings_its_own(void **state)
{
	struct imap_capability alone = imap_capability_parse(span_from_str("IMAP4rev2"));
	struct imap_capability both = imap_capability_parse(span_from_str("IMAP4rev2 IMAP4rev1"));

	(void)state;
	assert_true((alone.can & IMAP_CAN_MOVE) != 0 && (alone.can & IMAP_CAN_IDLE) != 0);
	assert_int_equal(both.can, IMAP_CAN_IMAP4REV1 | IMAP_CAN_IMAP4REV2 | IMAP_CAN_SASL_IR);
}

static void mechanisms_have_a_ceiling(void **state)
{
	struct buffer words = BUFFER_INIT(100000);
	struct imap_capability cap;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)buffer_printf(&words, "AUTH=MECHANISM-%d ", i);
	cap = imap_capability_parse(buffer_span(&words));
	assert_true(strlen(cap.mechanisms) < IMAP_MECHANISMS_MAX);
	assert_true(imap_capability_has_mechanism(&cap, "MECHANISM-0"));
	assert_true(imap_capability_has_mechanism(&cap, "MECHANISM-30"));
	buffer_release(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(literals_wait_where_they_must),
		cmocka_unit_test(what_cannot_be_said),
		cmocka_unit_test(mailboxes),
		cmocka_unit_test(utf7_both_ways),
		cmocka_unit_test(invalid_names),
		cmocka_unit_test(every_character),
		cmocka_unit_test(sets_join),
		cmocka_unit_test(sets_have_a_ceiling),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(rev2_brings_its_own),
		cmocka_unit_test(mechanisms_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
