/* SPDX-License-Identifier: MIT */
/*
 * cli-verbs.h - the verbs of mailoauth(1). Each does its work, reports its own failure once, and
 * returns the exit status.
 */
#ifndef TOKEN_HELPER_CLI_VERBS_H
#define TOKEN_HELPER_CLI_VERBS_H

#include "token-helper/cli-call.h"
#include "token-helper/cli-exit.h"

enum cli_exit cli_authorize(const struct cli *cli);
enum cli_exit cli_token(const struct cli *cli);
enum cli_exit cli_refresh(const struct cli *cli);
enum cli_exit cli_status(const struct cli *cli);
enum cli_exit cli_providers(const struct cli *cli);
enum cli_exit cli_explain(const struct cli *cli);
enum cli_exit cli_forget(const struct cli *cli);
enum cli_exit cli_backup(const struct cli *cli);
enum cli_exit cli_restore(const struct cli *cli);
enum cli_exit cli_test(const struct cli *cli);
enum cli_exit cli_import(const struct cli *cli);
enum cli_exit cli_guide(const struct cli *cli);
enum cli_exit cli_support_bundle(const struct cli *cli);
enum cli_exit cli_config_check(const struct cli *cli);
enum cli_exit cli_doctor(const struct cli *cli);
enum cli_exit cli_postfix_enable(const struct cli *cli);
enum cli_exit cli_postfix_disable(const struct cli *cli);

#endif
