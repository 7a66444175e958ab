/* SPDX-License-Identifier: MIT
 * Runs a fuzz target over the files of its corpus, for builds without libFuzzer: what was found once stays found. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t num_inputs;

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    uint8_t *bytes = malloc(1 << 20); /* of exactly the input's size below, so that sanitizers see reads beyond it */
    size_t size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    bytes = realloc(bytes, size != 0 ? size : 1);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    ++num_inputs;
}

static void run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        exit(1);
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        run_file(name);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i != argc; ++i) {
        struct stat status;
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            run_folder(argv[i]);
        else
            run_file(argv[i]);
    }
    printf("%zu inputs replayed\n", num_inputs);
    return num_inputs != 0 ? 0 : 1;
}
