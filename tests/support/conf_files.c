/* SPDX-License-Identifier: MIT
 * Conf files of tests. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "tests/support/conf_files.h"

static void die(const char *what)
{
    perror(what);
    abort();
}

char *conf_folder_create(void)
{
    const char *base = getenv("TMPDIR");
    char *folder;

    if (asprintf(&folder, "%s/sluice-conf-XXXXXX", base != NULL ? base : "/tmp") < 0 || mkdtemp(folder) == NULL)
        die("mkdtemp");
    return folder;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

char *conf_folder_remove(char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return NULL;
}

char *test_folder;

int test_folder_create(void **state)
{
    test_folder = conf_folder_create();
    return 0;
}

int test_folder_remove(void **state)
{
    test_folder = conf_folder_remove(test_folder);
    return 0;
}

char *conf_file_write(const char *folder, const char *name, const char *text, size_t len)
{
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; ++slash) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *to = fopen(path, "w");
    if (to == NULL || fwrite(text, 1, len, to) != len || fclose(to) != 0)
        die(path);
    return path;
}

char *conf_file_replace(const char *folder, const char *name, const char *text)
{
    char *path, draft[64];
    snprintf(draft, sizeof(draft), "%s.draft", name);
    char *written = conf_file_write(folder, draft, text, strlen(text));
    if (asprintf(&path, "%s/%s", folder, name) < 0 || chmod(written, 0600) != 0 || rename(written, path) != 0)
        die(name);
    free(written);
    return path;
}

char *conf_findings(const gw_diag_t *diag, const char *folder)
{
    char *text = NULL, *found;
    size_t len, folder_len = folder != NULL ? strlen(folder) : 0;
    FILE *to = open_memstream(&text, &len);

    if (to == NULL)
        die("open_memstream");
    gw_diag_print(diag, to);
    fclose(to);
    while (folder != NULL && (found = strstr(text, folder)) != NULL)
        memmove(found, found + folder_len + 1, strlen(found + folder_len + 1) + 1);
    return text;
}

char *conf_printed(const gw_snapshot_t *snapshot)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    if (to == NULL)
        die("open_memstream");
    gw_snapshot_print(snapshot, to);
    fclose(to);
    return text;
}

char *conf_findings_of(const char *yaml)
{
    gw_diag_t *diag = gw_diag_create();

    gw_snapshot_unref(gw_snapshot_load_memory("t.yaml", gw_str_of(yaml), diag));
    char *text = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return text;
}
