/* SPDX-License-Identifier: MIT */
/* check-certificates.c - has smtp(8) the authorities that it checks the server by? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/xalloc.h"
#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void mend_file(struct doctor *doctor, const struct postfix_service *service)
{
	const char *file = postfix_authorities();

	if (file != NULL)
		doctor_mend_setting(doctor, service, "smtp_tls_CAfile", file);
	else
		doctor_why(doctor,
			   "No list of authorities was found where distributions have it: install "
			   "the package ca-certificates, and look again.");
}

/* The file is read before smtp(8) enters its chroot, the directory afterwards (postconf(5)). */
static bool judge_directory(struct doctor *doctor, const struct postfix_service *service,
			    const char *dir)
{
	char *queue = doctor_value(doctor, NULL, "queue_directory");
	bool is_jailed = postfix_service_is_chrooted(doctor->postfix, service);
	char *path = is_jailed ? xasprintf("%s%s", queue, dir) : xstrdup(dir);
	bool is_fine = exists(path);

	if (!is_fine) {
		doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_tls_CApath = %s, and there is no %s",
			   service->name, dir, path);
		doctor_why(doctor, is_jailed ? "smtp(8) opens it inside its chroot. "
					       "smtp_tls_CAfile is read before."
					     : "Servers' certificates cannot be checked.");
		mend_file(doctor, service);
	}
	free(path);
	free(queue);
	return is_fine;
}

static void judge(struct doctor *doctor, const struct postfix_service *service)
{
	char *file = doctor_value(doctor, service, "smtp_tls_CAfile");
	char *dir = doctor_value(doctor, service, "smtp_tls_CApath");
	char *level = doctor_value(doctor, service, "smtp_tls_security_level");
	bool checks = strcasecmp(level, "verify") == 0 || strcasecmp(level, "secure") == 0;

	if (file[0] != '\0' && !exists(file)) {
		doctor_say(doctor, SEVERITY_ERROR,
			   "%s: smtp_tls_CAfile = %s: there is no such file", service->name, file);
		doctor_why(doctor, "smtp(8) then starts without TLS.");
		mend_file(doctor, service);
	} else if (checks && file[0] == '\0' && dir[0] != '\0') {
		if (judge_directory(doctor, service, dir))
			doctor_fine(doctor);
	} else if (checks && file[0] == '\0' &&
		   !postfix_is_yes(doctor->postfix, service, "tls_append_default_CA")) {
		doctor_say(doctor, SEVERITY_ERROR,
			   "%s: smtp_tls_security_level = %s without smtp_tls_CAfile",
			   service->name, level);
		doctor_why(doctor,
			   "Postfix trusts no authority by itself: no certificate is good.");
		mend_file(doctor, service);
	} else {
		doctor_fine(doctor);
	}
	free(file);
	free(dir);
	free(level);
}

void check_certificates(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL)
		judge(doctor, delivery->route.service);
}
