/* SPDX-License-Identifier: MIT */
/* json-reader.c - see json-reader.h. */
#include "token-helper/json/json-reader.h"

#include <json-c/json.h>
#include <json-c/json_visit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define NUMBER_LIMIT 1e15 /* fits a double and an int64_t exactly */

/*
 * The tokener collects each string in a scratch buffer of its own, which grows by realloc and is
 * freed unwiped. Parsing a blank string as long as the whole text first makes it large enough never
 * to move; parsing it again afterwards overwrites what it held.
 */
static void tokener_blank(struct json_tokener *tok, const char *blank, size_t len)
{
	json_object_put(json_tokener_parse_ex(tok, blank, (int)len));
	json_tokener_reset(tok);
}

static struct json_object *tokener_read(struct json_tokener *tok, struct span text,
					const char **why_out)
{
	struct json_object *object = json_tokener_parse_ex(tok, text.ptr, (int)text.len);
	enum json_tokener_error error = json_tokener_get_error(tok);

	if (error == json_tokener_success && json_tokener_get_parse_end(tok) == text.len &&
	    json_object_is_type(object, json_type_object))
		return object;
	if (error == json_tokener_success)
		*why_out = "not a single object";
	else if (error == json_tokener_continue)
		*why_out = "the text ends too early";
	else
		*why_out = json_tokener_error_desc(error);
	json_release(object);
	return NULL;
}

static struct span without_space(struct span text)
{
	while (text.len > 0 && memchr(" \t\r\n", text.ptr[text.len - 1], 4) != NULL)
		text.len--;
	while (text.len > 0 && memchr(" \t\r\n", text.ptr[0], 4) != NULL)
		text = (struct span){text.ptr + 1, text.len - 1};
	return text;
}

struct json_object *json_read(struct span text, size_t max, const char **why_out)
{
	struct json_object *object = NULL;
	struct json_tokener *tok;
	char *blank;

	if (text.len > max) {
		*why_out = "too long";
		return NULL;
	}
	text = without_space(text);
	if (text.len == 0) {
		*why_out = "empty";
		return NULL;
	}
	tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (tok == NULL) {
		*why_out = "out of memory";
		return NULL;
	}
	blank = xcalloc(1, text.len + 3);
	memset(blank, ' ', text.len + 2);
	blank[0] = blank[text.len + 1] = '"';
	tokener_blank(tok, blank, text.len + 2);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	object = tokener_read(tok, text, why_out);
	json_tokener_reset(tok);
	tokener_blank(tok, blank, text.len + 2);
	json_tokener_free(tok);
	free(blank);
	return object;
}

static int wipe_value(json_object *value, int flags, json_object *parent, const char *key,
		      size_t *index, void *context)
{
	size_t len;
	char *blank;

	(void)parent, (void)key, (void)index, (void)context;
	if (flags == JSON_C_VISIT_SECOND || !json_object_is_type(value, json_type_string))
		return JSON_C_VISIT_RETURN_CONTINUE;
	/* A string that is not longer than the old one is written over it, in place. */
	len = (size_t)json_object_get_string_len(value);
	blank = xcalloc(1, len + 1);
	(void)json_object_set_string_len(value, blank, (int)len);
	free(blank);
	return JSON_C_VISIT_RETURN_CONTINUE;
}

void json_release(struct json_object *object)
{
	if (object == NULL)
		return;
	(void)json_c_visit(object, 0, wipe_value, NULL);
	json_object_put(object);
}

static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

struct json_object *json_member_array(struct json_object *object, const char *key)
{
	return member(object, key, json_type_array);
}

struct json_object *json_member_object(struct json_object *object, const char *key)
{
	return member(object, key, json_type_object);
}

bool json_has(struct json_object *object, const char *key)
{
	return json_object_object_get_ex(object, key, NULL);
}

bool json_get_string(struct json_object *object, const char *key, struct span *out)
{
	struct json_object *value = member(object, key, json_type_string);

	if (value == NULL)
		return false;
	out->ptr = json_object_get_string(value);
	out->len = (size_t)json_object_get_string_len(value);
	return true;
}

static bool number_from(double value, int64_t *out)
{
	if (isnan(value))
		return false;
	if (value > NUMBER_LIMIT)
		value = NUMBER_LIMIT;
	if (value < -NUMBER_LIMIT)
		value = -NUMBER_LIMIT;
	*out = (int64_t)value;
	return true;
}

bool json_get_number(struct json_object *object, const char *key, int64_t *out)
{
	struct json_object *value = NULL;
	struct span text;
	double number;
	char *end;

	if (!json_object_object_get_ex(object, key, &value))
		return false;
	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double))
		return number_from(json_object_get_double(value), out);
	if (!json_get_string(object, key, &text) || text.len == 0 || text.len > 32 ||
	    strspn(text.ptr, "0123456789.+-") != text.len)
		return false;
	number = strtod(text.ptr, &end);
	return *end == '\0' && number_from(number, out);
}

bool json_get_int(struct json_object *object, const char *key, int64_t *out)
{
	struct json_object *value = member(object, key, json_type_int);

	if (value == NULL)
		return false;
	*out = json_object_get_int64(value);
	return true;
}

bool json_is_false(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_boolean);
	struct span text;

	if (value != NULL)
		return !json_object_get_boolean(value);
	return json_get_string(object, key, &text) && span_equals(text, "false");
}
