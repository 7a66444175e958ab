/* SPDX-License-Identifier: MIT
 * The breaker's word (filters/breaker.c) as a model for spin; tests/model/run checks all of it.
 *
 * Each atomic block is one access to what is shared, with the deciding that goes with it: loading the word, swapping
 * it if it is still the one that was seen (else what is there now was seen), storing a count, reading another's.  Spin
 * tries every order of them.  That a weak swap may fail for nothing adds no state: the same word is seen again.
 *
 * -DPART=1  probes   a backend that answers as it likes; calls and probes that come back generations later; clients
 *                    that leave; the open time and the probes' time end whenever they like
 * -DPART=2  closing  the backend is sick, then well for ever; requests keep coming: ltl closes, under weak fairness,
 *                    with probes that do not come back as long as it was sick
 * -DPART=3  counts   workers that fail together; their stores wait in store buffers (of x86; what weaker machines do
 *                    in addition, C11's fence forbids as well); sums are read one worker at a time
 *
 * That the model can fail: -DMUTANT=n takes something away, and the run demands that spin finds the consequence.
 *   1  a probe's result is counted without looking at its generation  part 1: assert "and the word knows them"
 *   2  the word is stored, not compared and swapped                   part 1: assert "each transition is reported once"
 *   3  no probe is ever found to hang                                 part 2: ltl closes (half-open for ever)
 *   4  requests ask would_pass first and stay away if it says no      part 2: ltl closes: nobody enters, so nobody
 *                                                                     finds the probe that hangs.  gw_breaker_would_pass looks for it
 *   5  a probe is said to hang though none does                       part 2: ltl closes (half-open, open, half-open)
 *   6  no fence between writing one's count and reading the others'   part 3: assert "the threshold opens it, once"
 *   7  the streak is stored, not compared and swapped                 part 3 with -DSTREAKS: the same
 *
 * What is left out: times; ratios (parts 1 and 2: a failure opens a closed breaker or does not, as it likes; part 3: a
 * number of failures does; a number of bad probes is tolerated); the window's sliding; the generation's wrap (the
 * sickness ends before the model's four bits do, but for mutant 5). */

#ifndef PART
#define PART 1
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef WORKERS
#define WORKERS 3
#endif
#ifndef PROBES
#define PROBES 2 /* half_open_requests */
#endif
#ifndef TOLERATED
#define TOLERATED 1 /* so many bad ones may be among them */
#endif
#ifndef LAST_GENERATION
#define LAST_GENERATION 6
#endif

#define CLOSED 0
#define OPEN   1
#define HALF   2

/* the word and its copy in a worker; as numbers of a few bits in one int, as in the C code */
#define WORD(state, generation, issued, good, bad) \
    ((state) + 4 * ((generation) & 15) + 64 * (issued) + 256 * (good) + 1024 * (bad))
#define STATE(word)      ((word) & 3)
#define GENERATION(word) (((word) >> 2) & 15)
#define ISSUED(word)     (((word) >> 6) & 3)
#define GOOD(word)       (((word) >> 8) & 3)
#define BAD(word)        (((word) >> 10) & 3)
#define STREAK(word)     ISSUED(word) /* closed */

#ifndef FIRST
#define FIRST CLOSED
#endif
int word = WORD(FIRST, 1, 0, 0, 0);

/* What only the model knows. */
byte reported = 0; /* transitions that someone was told of */

#if MUTANT == 2
#define IS_SWAPPED true
#else
#define IS_SWAPPED (word == seen)
#endif

#if PART == 1 || PART == 2

#define me    _pid /* the workers are the first processes */
#define NONE  0
#define CALL  1
#define PROBE 2

#define GOOD_RESULT 0
#define BAD_RESULT  1
#define CANCELLED   2

byte pass[WORKERS];       /* each worker has at most one request; more of them are more workers */
byte generation[WORKERS]; /* of its ticket */
bool time_over = false;   /* the open time */
bool hang_over = false;   /* the time of the last probe that was issued */
#if PART == 2
bool hangs[WORKERS];    /* its probe does not come back in this generation */
bool is_well = false;   /* the backend */
byte num_cancelled = 0; /* clients do not leave for ever */
#endif

#define IS_OUT(w)  (pass[w] == PROBE && generation[w] == GENERATION(word))
#define IS_HUNG(w) (IS_OUT(w) && hangs[w])
#if WORKERS == 2
#define NUM_OUT   (IS_OUT(0) + IS_OUT(1))
#define SOME_HUNG (IS_HUNG(0) || IS_HUNG(1))
#elif WORKERS == 3
#define NUM_OUT   (IS_OUT(0) + IS_OUT(1) + IS_OUT(2))
#define SOME_HUNG (IS_HUNG(0) || IS_HUNG(1) || IS_HUNG(2))
#else
#define NUM_OUT   (IS_OUT(0) + IS_OUT(1) + IS_OUT(2) + IS_OUT(3))
#define SOME_HUNG (IS_HUNG(0) || IS_HUNG(1) || IS_HUNG(2) || IS_HUNG(3))
#endif

#define WOULD_PASS \
    (STATE(word) == CLOSED || STATE(word) == OPEN && time_over || STATE(word) == HALF && ISSUED(word) < PROBES)

/* After each swap that succeeded; within its step. */
inline check_word()
{
    assert(NUM_OUT <= PROBES); /* no more than N probes are out */
    assert(STATE(word) != HALF || NUM_OUT + GOOD(word) + BAD(word) == ISSUED(word)); /* and the word knows them */
    assert(STATE(word) != HALF || ISSUED(word) <= PROBES);
    assert(reported + 1 == GENERATION(word) || PART == 2) /* each transition is reported once */
}

/* What goes with the swap of seen by next: the one that made a transition reports it. */
inline swap()
{
    word = next;
    if
    :: GENERATION(next) != GENERATION(seen) -> 
        reported = reported + (PART == 1); /* in part 2 it would keep states from coming round */
        time_over = false;
        hang_over = false
    :: else
    fi
}

/* what a worker forgets when it is done, so that states that do not differ are one */
inline refused()
{
    seen = 0;
    next = 0
}
inline entered(kind, its_generation)
{
    pass[me] = kind;
    generation[me] = its_generation;
    seen = 0;
    next = 0
}
inline left()
{
    pass[me] = NONE;
    generation[me] = 0;
    result = 0;
    seen = 0;
    next = 0
}

active [WORKERS] proctype worker()
{
    int seen = 0, next = 0;
    byte result = 0;
    do
    :: atomic { /* gw_breaker_enter: loads the word */
        (pass[me] == NONE
#if PART == 1
        && GENERATION(word) < LAST_GENERATION
#endif
#if MUTANT == 4
        && WOULD_PASS
#endif
        ) -> seen = word
       };
       do
       :: atomic { /* decides by what it saw, and swaps if that is still so */
            if
            :: STATE(seen) == CLOSED -> entered(CALL, GENERATION(seen)); break
            :: STATE(seen) == OPEN && !time_over -> refused(); break
            :: STATE(seen) == HALF && ISSUED(seen) >= PROBES && !(hang_over && MUTANT != 3) -> refused(); break
            :: STATE(seen) == HALF && ISSUED(seen) >= PROBES && (hang_over && MUTANT != 3) ->
                next = WORD(OPEN, GENERATION(seen) + 1, 0, 0, 0)
            :: STATE(seen) == OPEN && time_over -> next = WORD(HALF, GENERATION(seen) + 1, 1, 0, 0)
            :: STATE(seen) == HALF && ISSUED(seen) < PROBES ->
                next = WORD(HALF, GENERATION(seen), ISSUED(seen) + 1, GOOD(seen), BAD(seen))
            fi;
            if
            :: IS_SWAPPED ->
                swap();
                hang_over = false;
                if
                :: STATE(next) == HALF -> entered(PROBE, GENERATION(next))
                :: else -> refused()
                fi;
                check_word();
                break
            :: !IS_SWAPPED -> seen = word
            fi
          }
       od
#if MUTANT == 4
    :: atomic { pass[me] == NONE && !WOULD_PASS -> skip }
#endif
    :: pass[me] != NONE ->
       /* the backend answers or the client leaves; then gw_breaker_leave loads the word */
       if
       :: atomic { true -> result = GOOD_RESULT; seen = word }
#if PART == 1
       :: atomic { true -> result = BAD_RESULT; seen = word }
       :: atomic { pass[me] == PROBE -> result = CANCELLED; seen = word } /* a call would have no effect */
#else
       :: atomic { !is_well && GENERATION(word) < LAST_GENERATION -> result = BAD_RESULT; seen = word }
       :: atomic { num_cancelled < 1 -> num_cancelled++; result = CANCELLED; seen = word }
       :: atomic { !is_well && GENERATION(word) < LAST_GENERATION && pass[me] == PROBE -> hangs[me] = true };
          atomic { GENERATION(word) != generation[me] -> hangs[me] = false; seen = word } /* it comes back too late */
#endif
       fi;
       do
       :: atomic {
            if
            :: STATE(seen) == OPEN -> left(); break
#if MUTANT == 1
            :: STATE(seen) != OPEN && (STATE(seen) != (pass[me] == CALL -> CLOSED : HALF) ||
                                       pass[me] == CALL && GENERATION(seen) != generation[me]) ->
                left();
                break
            :: STATE(seen) == HALF && pass[me] == PROBE ->
#else
            :: STATE(seen) != OPEN &&
               (GENERATION(seen) != generation[me] || STATE(seen) != (pass[me] == CALL -> CLOSED : HALF)) ->
                left();
                break
            :: STATE(seen) == HALF && pass[me] == PROBE && GENERATION(seen) == generation[me] ->
#endif
                if
                :: result == CANCELLED ->
                    next = WORD(HALF, GENERATION(seen), ISSUED(seen) - 1, GOOD(seen), BAD(seen))
                :: result == BAD_RESULT && BAD(seen) >= TOLERATED -> next = WORD(OPEN, GENERATION(seen) + 1, 0, 0, 0)
                :: result != CANCELLED && !(result == BAD_RESULT && BAD(seen) >= TOLERATED) ->
                    if
                    :: GOOD(seen) + BAD(seen) + 1 >= PROBES -> next = WORD(CLOSED, GENERATION(seen) + 1, 0, 0, 0)
                    :: else ->
                        next = WORD(HALF, GENERATION(seen), ISSUED(seen), GOOD(seen) + (result == GOOD_RESULT),
                                    BAD(seen) + (result == BAD_RESULT))
                    fi
                fi
            :: STATE(seen) == CLOSED && pass[me] == CALL && GENERATION(seen) == generation[me] ->
                if
                :: true -> left(); break /* it went well, or not enough failed yet */
                :: result == BAD_RESULT -> next = WORD(OPEN, GENERATION(seen) + 1, 0, 0, 0)
                fi
            fi;
            if
            :: IS_SWAPPED ->
#if MUTANT != 1 && MUTANT != 2
                assert(GENERATION(word) == generation[me]); /* no result of an older generation is counted */
#endif
                swap();
                left();
                check_word();
                break
            :: !IS_SWAPPED -> seen = word
            fi
          }
       od
#if PART == 1
    :: atomic { pass[me] == NONE && GENERATION(word) >= LAST_GENERATION -> break }
#endif
    od
}

/* The open time ends, the backend gets well; so does a probe's, but in part 2 only if one really does not come back. */
active proctype clock()
{
end:
    do
    :: atomic { STATE(word) == OPEN && !time_over -> time_over = true }
#if PART == 1 || MUTANT == 5
    :: atomic { STATE(word) == HALF && ISSUED(word) == PROBES && !hang_over -> hang_over = true }
#else
    :: atomic { STATE(word) == HALF && ISSUED(word) == PROBES && !hang_over && SOME_HUNG -> hang_over = true }
#endif
#if PART == 2
    :: atomic { !is_well -> is_well = true } /* some time; weak fairness lets it not wait for ever */
#endif
    od
}

#if PART == 2
ltl closes { [] (is_well -> <> [] (STATE(word) == CLOSED)) }
#endif

#else /* PART == 3 */

#ifndef EACH
#define EACH 2 /* failures that each worker sees */
#endif
#define THRESHOLD (WORKERS * EACH)

byte counts[WORKERS];  /* as memory has them */
byte pending[WORKERS]; /* the newest, in the worker's store buffer */
bool is_pending[WORKERS];
byte num_done = 0;

/* a worker sees its own buffer, the others memory */
#define SEEN_BY(me, i) (((i) == (me) && is_pending[i]) -> pending[i] : counts[i])

proctype store_buffer(byte me)
{
end:
    do
    :: atomic { is_pending[me] -> counts[me] = pending[me]; is_pending[me] = false }
    od
}

proctype worker(byte me)
{
    byte round = 0, i, sum;
    int seen, next;
    do
    :: round < EACH ->
        round++;
#ifdef STREAKS
        seen = word;
        do
        :: STATE(seen) != CLOSED -> break
        :: else ->
            if
            :: STREAK(seen) + 1 >= THRESHOLD -> next = WORD(OPEN, GENERATION(seen) + 1, 0, 0, 0)
            :: else -> next = WORD(CLOSED, GENERATION(seen), STREAK(seen) + 1, 0, 0)
            fi;
            if
#if MUTANT == 7
            :: atomic { true ->
#else
            :: atomic { word == seen ->
#endif
                reported = reported + (GENERATION(next) != GENERATION(seen));
                word = next
               };
               break
            :: atomic { word != seen -> seen = word }
            fi
        od
#else
        atomic { /* the count is its own: only the store can be seen by others, and that is one step */
            pending[me] = SEEN_BY(me, me) + 1;
            is_pending[me] = true
        };
#if MUTANT != 6
        !is_pending[me]; /* the fence: the store buffer is empty */
#endif
        seen = word;
        do
        :: STATE(seen) != CLOSED -> break
        :: else ->
            sum = 0;
            i = 0;
            do
            :: i < WORKERS -> sum = sum + SEEN_BY(me, i); i++
            :: else -> break
            od;
            if
            :: sum < THRESHOLD -> break
            :: else -> next = WORD(OPEN, GENERATION(seen) + 1, 0, 0, 0)
            fi;
            if
            :: atomic { word == seen -> word = next; reported++ }; break
            :: atomic { word != seen -> seen = word }
            fi
        od;
        i = 0; /* no difference where none is */
        sum = 0
#endif
    :: else -> break
    od;
    atomic {
        num_done++;
        if
        :: num_done == WORKERS -> assert(STATE(word) == OPEN && reported == 1) /* the threshold opens it, once */
        :: else
        fi
    }
}

init
{
    byte i = 0;
    atomic {
        do
        :: i < WORKERS -> run worker(i); run store_buffer(i); i++
        :: else -> break
        od
    }
}

#endif
