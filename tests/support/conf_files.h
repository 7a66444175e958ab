/* SPDX-License-Identifier: MIT
 * For the tests of the configuration and of commands: files in a temporary folder, and what is found in them as text.
 */
#ifndef TESTS_SUPPORT_CONF_FILES_H
#define TESTS_SUPPORT_CONF_FILES_H

#include "gateway/config/conf.h"

/** @return a new folder's name; remove it with conf_folder_remove */
char *conf_folder_create(void);
/** Removes the folder with all in it and frees the name; returns NULL. */
char *conf_folder_remove(char *folder);
/** A folder for all tests of a program: the two are for cmocka_run_group_tests. */
extern char *test_folder;
int test_folder_create(void **state);
int test_folder_remove(void **state);
/** Writes a file; folders in its name are made.  @return its whole name, to be freed */
char *conf_file_write(const char *folder, const char *name, const char *text, size_t len);
/** Puts a file that only its owner may read in the place of one, which nobody sees half done.  @return as above */
char *conf_file_replace(const char *folder, const char *name, const char *text);

/** @return what gw_diag_print prints, with every "FOLDER/" taken out; to be freed.  @param folder may be NULL */
char *conf_findings(const gw_diag_t *diag, const char *folder);
/** @return what gw_snapshot_print prints; to be freed */
char *conf_printed(const gw_snapshot_t *snapshot);
/** @return the findings for a text that is called t.yaml; to be freed */
char *conf_findings_of(const char *yaml);

#endif
