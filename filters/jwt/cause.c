/* SPDX-License-Identifier: MIT
 * The table of causes. */
#include "filters/jwt/cause.h"

static const struct {
    const char *word, *sentence;
    gw_jwt_answer_t answer;
} causes[] = {
#define CAUSE_ROW(id, word, answer, sentence) [GW_JWT_CAUSE_##id] = {word, sentence, GW_JWT_##answer},
    GW_JWT_CAUSE_MAP(CAUSE_ROW)
#undef CAUSE_ROW
};

const char *gw_jwt_cause_word(gw_jwt_cause_t cause)
{
    return causes[cause].word;
}

const char *gw_jwt_cause_sentence(gw_jwt_cause_t cause)
{
    return causes[cause].sentence;
}

gw_jwt_answer_t gw_jwt_cause_answer(gw_jwt_cause_t cause)
{
    return causes[cause].answer;
}
