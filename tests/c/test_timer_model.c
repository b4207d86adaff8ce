/* SPDX-License-Identifier: MIT */
/* Timers at random against a model: thousands of coroutines arm, cancel and destroy them and cancel the
 * coroutines of their callbacks. No timer fires early, twice at once, unarmed, or not at all. */
#include "network.h"

enum { TIMERS = 500, CROWD = 2000, ROUNDS = 8 };

/* What is known of a timer. That it has fired shows when its callback runs, which is a little later: a
 * timer whose time has come may have fired already. */
struct model {
  copas_timer *timer;
  copas_thread *runs;
  double due, again;
  int armed, destroyed, recurring;
  /* It was armed by hand: that time holds, not the one that counts from the end of its callback. */
  int by_hand;
  /* Callbacks that must still come: of firings that an arm or cancel has shown. */
  int owed;
  /* A callback may still come: its time had come when it was canceled or destroyed. */
  int maybe;
};

static copas *c;
static struct model models[TIMERS];
static uint32_t state;
static int fired, freed, rearmed;
static int is_over;

static uint32_t random_below(uint32_t end)
{
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

static double random_delay(void)
{
  return random_below(4) == 0 ? 0 : 0.0005 * random_below(20);
}

static struct model *random_model(void)
{
  return &models[random_below(TIMERS)];
}

static int may_have_fired(const struct model *model)
{
  return model->armed && net_seconds() >= model->due;
}

static void arm(struct model *model)
{
  double delay = random_delay(), before = net_seconds();
  int could_have_fired = may_have_fired(model);
  copas_status status = copas_timer_arm(model->timer, delay);
  if (model->destroyed) {
    CHECK_STATUS(status, COPAS_STALE);
    return;
  }
  if (status == COPAS_BUSY) {
    CHECK(model->armed);
    return;
  }
  CHECK_OK(status);
  if (model->armed) {
    CHECK(could_have_fired && !model->recurring);
    model->owed++;
  }
  model->armed = model->by_hand = 1;
  model->due = before + delay;
  rearmed++;
}

static void cancel(struct model *model)
{
  copas_status status = copas_timer_cancel(model->timer);
  int could_have_fired = may_have_fired(model);
  if (model->destroyed) {
    CHECK_STATUS(status, COPAS_STALE);
  } else if (status == COPAS_OK) {
    CHECK(model->armed);
    /* One that fires once is not armed any more when it has fired. */
    if (model->recurring && could_have_fired && model->runs == NULL) model->maybe = 1;
  } else {
    CHECK_STATUS(status, COPAS_INVALID);
    if (model->armed) {
      CHECK(could_have_fired && !model->recurring);
      model->owed++;
    }
  }
  model->armed = 0;
}

static void destroy(struct model *model)
{
  if (model->destroyed) return;
  if (may_have_fired(model)) model->maybe = 1;
  CHECK_OK(copas_timer_destroy(model->timer));
  model->destroyed = 1;
  model->armed = 0;
}

static void act(void)
{
  struct model *model = random_model();
  uint32_t what = random_below(100);
  if (what < 55)
    arm(model);
  else if (what < 90)
    cancel(model);
  else if (what < 98 && model->runs != NULL)
    CHECK_OK(copas_removethread(model->runs));
  else if (what >= 98)
    destroy(model);
}

/* A callback runs: was it to come? */
static void check_firing(struct model *model)
{
  CHECK(model->runs == NULL);
  if (model->owed > 0) {
    model->owed--;
  } else if (may_have_fired(model)) {
    model->armed = model->recurring;
    model->by_hand = 0;
  } else {
    CHECK(model->maybe);
    model->maybe = 0;
  }
}

static void fire(copas_timer *timer, void *user)
{
  struct model *model = user;
  CHECK(timer == model->timer);
  check_firing(model);
  fired++;
  model->runs = copas_running();
  if (random_below(4) == 0) act();
  if (random_below(2) == 0) copas_pause(c, random_delay(), NULL);
  if (random_below(4) == 0) arm(model);
  if (is_over && model->armed && model->recurring) cancel(model);
  model->runs = NULL;
  if (model->armed && model->recurring && !model->by_hand)
    model->due = net_seconds() + model->again;
}

static void count_free(void *user)
{
  struct model *model = user;
  CHECK(model->runs == NULL && model->owed == 0);
  freed++;
}

static void meddle(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    act();
    if (copas_pause(c, random_delay(), NULL) != COPAS_OK) return;
  }
}

static void open_timers(void)
{
  memset(models, 0, sizeof models);
  for (int i = 0; i < TIMERS; i++) {
    struct model *model = &models[i];
    copas_timer_options options = {.size = sizeof options};
    model->recurring = i % 3 == 0;
    model->again = random_delay();
    options.flags = model->recurring ? COPAS_RECURRING : 0;
    options.callback = fire;
    options.user = model;
    options.user_free = count_free;
    options.delay = model->again;
    model->armed = 1;
    model->due = net_seconds() + options.delay;
    CHECK_OK(copas_timer_new(c, &options, &model->timer));
  }
}

/* Runs the crowd; some of it is canceled on the way. */
static void run_crowd(void)
{
  static copas_thread *threads[CROWD];
  int crowd = check_small() ? 100 : CROWD;
  for (int i = 0; i < crowd; i++) CHECK_OK(copas_addthread(c, meddle, NULL, &threads[i]));
  for (int i = 0; i < crowd / 8; i++) {
    net_step(c);
    copas_removethread(threads[random_below((uint32_t)crowd)]);
  }
  for (int i = 0; i < crowd; i++) CHECK_OK(copas_join(threads[i], NET_PATIENCE));
}

/* Those that recur go on until their next callback cancels them; the others fire once more. */
static void check_the_end(void)
{
  is_over = 1;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < TIMERS; i++)
    CHECK(!models[i].armed && models[i].owed == 0 && models[i].runs == NULL);
}

static void timers_fire_when_they_should_and_only_then(void)
{
  for (uint32_t seed = 1; seed <= 5; seed++) {
    state = seed * 2246822519u;
    fired = freed = rearmed = is_over = 0;
    c = net_new(NULL);
    open_timers();
    run_crowd();
    check_the_end();
    CHECK_OK(copas_free(c));
    CHECK_NUMBER(freed, TIMERS);
    CHECK(fired > 0 && rearmed > 0);
  }
}

int main(void)
{
  RUN(timers_fire_when_they_should_and_only_then);
  return check_report();
}
