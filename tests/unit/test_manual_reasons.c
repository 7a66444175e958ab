/* SPDX-License-Identifier: MIT
 * sluice(8) explains every reason that a log line or a problem can name, and every word of the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/judgement.h"
#include "filters/cache/purge_order.h"
#include "filters/cache/words.h"
#include "gateway/exchange/exchange.h"

static char *page;

static int read_page(void **state)
{
    char path[4096];
    size_t len = 0;
    const char *srcdir = getenv("srcdir");
    (void)state;
    snprintf(path, sizeof(path), "%s/man/sluice.8", srcdir != NULL ? srcdir : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL || getdelim(&page, &len, '\0', file) < 1000) {
        perror(path);
        return -1;
    }
    fclose(file);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

static void every_reason_stands_in_the_manual(void **state)
{
    static const gw_reason_t reasons[] = {
#define REASON(id, name, status, title) GW_REASON_##id,
        GW_REASON_MAP(REASON)
#undef REASON
    };
    (void)state;
    for (size_t i = 0; i != sizeof(reasons) / sizeof(reasons[0]); ++i)
        if (strstr(page, gw_reason_name(reasons[i])) == NULL)
            fail_msg("'%s' is missing", gw_reason_name(reasons[i]));
}

/* the cache ---------------------------------------------------------------------------------------------------------*/

/** What the manual says of the decisions of the cache.  @return to be freed */
static char *part_about_the_cache(void)
{
    const char *begin = strstr(page, "\n.It cache, hit\n"), *end = strstr(page, "\n.It cors, preflight\n");
    assert_true(begin != NULL && end > begin);
    return strndup(begin, (size_t)(end - begin) + 1);
}

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/** Whether it stands there as a word of its own, in one of the lines that name words. */
static bool names(const char *part, const char *word)
{
    size_t len = strlen(word);
    for (const char *line = part; *line != '\0'; line += strcspn(line, "\n"), line += *line != '\0') {
        if (strncmp(line, ".It ", 4) != 0 && strncmp(line, ".Ql ", 4) != 0)
            continue;
        const char *end = line + strcspn(line, "\n");
        for (const char *at = line; (at = strstr(at, word)) != NULL && at < end; ++at)
            if (!is_of_word(at[-1]) && !is_of_word(at[len]))
                return true;
    }
    return false;
}

static const char *const words_of_the_cache[] = {
#define WORD(id, word)            word,
#define FAULT(id, word, sentence) word,
    GW_CACHE_DEED_MAP(WORD) GW_CACHE_DETAIL_MAP(WORD) GW_CACHE_STORING_MAP(WORD) GW_PURGE_SCOPE_MAP(WORD)
        GW_PURGE_FAULT_MAP(FAULT)
#undef WORD
#undef FAULT
};

static bool is_said(const char *word)
{
    /* that all went well is not said */
    return strcmp(word, gw_cache_storing_word(GW_CACHE_STORING_YES)) != 0 &&
           strcmp(word, gw_purge_fault_word(GW_PURGE_FAULT_NONE)) != 0;
}

static void every_word_of_the_cache_stands_in_the_manual(void **state)
{
    char *part = part_about_the_cache();
    (void)state;
    for (size_t i = 0; i != sizeof(words_of_the_cache) / sizeof(words_of_the_cache[0]); ++i)
        if (is_said(words_of_the_cache[i]) && !names(part, words_of_the_cache[i]))
            fail_msg("'%s' is missing", words_of_the_cache[i]);
    free(part);
}

static bool is_known(const char *word)
{
    for (size_t i = 0; i != sizeof(words_of_the_cache) / sizeof(words_of_the_cache[0]); ++i)
        if (strcmp(word, words_of_the_cache[i]) == 0)
            return is_said(word);
    return strcmp(word, "cache") == 0;
}

static void the_manual_names_no_word_that_the_cache_does_not_say(void **state)
{
    char *part = part_about_the_cache(), *rest;
    size_t num = 0;
    (void)state;
    for (char *line = strtok_r(part, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, ".It ", 4) != 0 && strncmp(line, ".Ql ", 4) != 0)
            continue;
        char *words;
        for (char *word = strtok_r(line + 4, " ,.", &words); word != NULL; word = strtok_r(NULL, " ,.", &words), ++num)
            if (!is_known(word))
                fail_msg("'%s' is nowhere said", word);
    }
    assert_true(num > 40);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_stands_in_the_manual),
        cmocka_unit_test(every_word_of_the_cache_stands_in_the_manual),
        cmocka_unit_test(the_manual_names_no_word_that_the_cache_does_not_say),
    };
    return cmocka_run_group_tests_name("manual: reasons", tests, read_page, free_page);
}
