/* SPDX-License-Identifier: MIT */
/* Timers at random, compared with a simple model: armed, canceled, destroyed and made anew by the
 * root, coroutines, timers' callbacks, posted callbacks and alarms, of which many are due together.
 * The seed is printed; COPAS_TEST_SEED runs one of them. */
#include "network.h"

enum { SLOTS = 24, SLEEPERS = 12, PENDING = 64, MANY = 1000000 };

/* A timer as it should be. What is pending are the times of its armings that neither were canceled
 * nor have run. */
struct model {
  copas_timer *timer;
  double pending[PENDING];
  int count;
  int is_recurring;
  int firings_left; /* of a recurring one */
  int is_running;
  int is_destroyed;
  int may_have_fired; /* when it was destroyed */
};

static copas *c;
static uint32_t state;
static struct model *slots[SLOTS];
static int made, freed, runs, alarms, stopping, awake;

static uint32_t random_below(uint32_t end)
{
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

/* Few different lengths, so that many end in the same tick. */
static double random_delay(void)
{
  static const double delays[] = {0, 0.0001, 0.0005, 0.001, 0.001, 0.002, 0.004, 0.02};
  return delays[random_below(8)];
}

static double last_pending(const struct model *model)
{
  return model->pending[model->count - 1];
}

static void note_arming(struct model *model, double delay)
{
  CHECK(model->count < PENDING);
  model->pending[model->count++] = net_seconds() + delay;
  model->firings_left = MANY;
}

static void arm(struct model *model)
{
  double delay = random_delay();
  copas_status status = copas_timer_arm(model->timer, delay);
  if (status == COPAS_BUSY) {
    CHECK(model->is_recurring || model->count > 0);
    return;
  }
  CHECK_OK(status);
  /* What was armed before has fired, and not early. */
  if (!model->is_recurring && model->count > 0) CHECK(net_seconds() >= last_pending(model));
  note_arming(model, delay);
}

static void cancel(struct model *model)
{
  copas_status status = copas_timer_cancel(model->timer);
  if (model->is_recurring) {
    /* One that has fired before may still begin. */
    if (status == COPAS_OK) model->firings_left = model->is_running ? 0 : 1;
    model->count = 0;
  } else if (status == COPAS_OK) {
    CHECK(model->count > 0);
    model->count--;
  } else if (model->count > 0) {
    CHECK(net_seconds() >= last_pending(model));
  }
  if (status != COPAS_OK) CHECK_STATUS(status, COPAS_INVALID);
}

static void destroy(struct model *model)
{
  if (random_below(2) == 0) cancel(model);
  model->is_destroyed = 1;
  if (model->is_recurring) {
    if (model->firings_left > 1) model->firings_left = model->is_running ? 0 : 1;
  } else if (model->count > 0) {
    if (net_seconds() < last_pending(model))
      model->count--;
    else
      model->may_have_fired = 1;
  }
  CHECK_OK(copas_timer_destroy(model->timer));
}

static void act(void);

static void on_alarm(copas_thread *thread, void *user)
{
  double *earliest = user;
  CHECK(copas_running() == NULL);
  CHECK(*earliest != 0 && net_seconds() >= *earliest);
  *earliest = 0;
  alarms++;
  for (uint32_t i = random_below(4); i > 0; i--) act();
  if (random_below(4) == 0) copas_wakeup(thread);
  if (random_below(4) == 0) CHECK_OK(copas_removethread(thread));
}

static void set_alarm(double *earliest)
{
  double delay = random_delay();
  *earliest = net_seconds() + delay;
  CHECK_OK(copas_timeout(c, delay, on_alarm, earliest));
}

/* Whether the caller may go on: it was not canceled. */
static int pause_a_while(const double *earliest)
{
  double slept, start = net_seconds(), delay = random_delay();
  copas_status status = copas_pause(c, delay, &slept);
  if (status == COPAS_CANCELED) return 0;
  CHECK_OK(status);
  /* Only an alarm wakes early. */
  CHECK(*earliest == 0 || net_seconds() - start >= delay);
  return 1;
}

static void on_timer(copas_timer *timer, void *user)
{
  struct model *model = user;
  double earliest = 0;
  CHECK(timer == model->timer && !model->is_running);
  model->is_running = 1;
  runs++;
  if (model->is_recurring) {
    CHECK(model->firings_left-- > 0);
  } else {
    CHECK(model->count > 0 && net_seconds() >= model->pending[0]);
    model->count--;
    memmove(model->pending, model->pending + 1, (size_t)model->count * sizeof(double));
  }
  if (random_below(4) == 0) set_alarm(&earliest);
  for (uint32_t i = random_below(3); i > 0; i--) act();
  if (random_below(3) == 0 && pause_a_while(&earliest)) act();
  model->is_running = 0;
}

static void release(void *user)
{
  struct model *model = user;
  CHECK(model->is_destroyed && !model->is_running);
  if (!model->is_recurring) CHECK(model->count <= model->may_have_fired);
  free(model);
  freed++;
}

static struct model *make(void)
{
  struct model *model = calloc(1, sizeof *model);
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  CHECK(model != NULL);
  model->is_recurring = random_below(6) == 0;
  options.size = sizeof options;
  options.flags = model->is_recurring ? COPAS_RECURRING : 0;
  options.callback = on_timer;
  options.user = model;
  options.user_free = release;
  options.delay = model->is_recurring ? 0.001 : random_delay();
  CHECK_OK(copas_timer_new(c, &options, &model->timer));
  note_arming(model, options.delay);
  made++;
  return model;
}

static void act(void)
{
  uint32_t slot = random_below(SLOTS);
  struct model *model = slots[slot];
  if (model == NULL || stopping) return;
  switch (random_below(6)) {
  case 0:
    slots[slot] = NULL;
    destroy(model);
    slots[slot] = make();
    break;
  case 1:
    cancel(model);
    break;
  case 2:
    cancel(model);
    arm(model);
    break;
  default:
    arm(model);
  }
}

static void on_post(copas *own, void *user)
{
  (void)user;
  CHECK(own == c);
  act();
}

static void sleep_and_act(void *user)
{
  double earliest = 0;
  (void)user;
  awake++;
  for (int i = 0; i < 30 && !stopping; i++) {
    if (random_below(3) == 0) set_alarm(&earliest);
    /* Holds the step up, so that much is due in the next one. */
    if (random_below(12) == 0) net_sleep(0.0025);
    if (!pause_a_while(&earliest)) break;
    act();
  }
  awake--;
}

static void stop(void)
{
  stopping = 1;
  for (int i = 0; i < SLOTS; i++) cancel(slots[i]);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < SLOTS; i++) {
    /* Each arming was canceled or has run. */
    CHECK_NUMBER(slots[i]->count, 0);
    CHECK_STATUS(copas_timer_cancel(slots[i]->timer), COPAS_INVALID);
    destroy(slots[i]);
  }
  CHECK_NUMBER(freed, made);
  CHECK_NUMBER(awake, 0);
  CHECK_OK(copas_free(c));
}

static void run_seed(uint32_t seed)
{
  int steps = check_small() ? 200 : 3000;
  printf("seed %u ", seed);
  fflush(stdout);
  state = seed * 2654435761u + 1;
  made = freed = runs = alarms = stopping = awake = 0;
  c = net_new(NULL);
  for (int i = 0; i < SLOTS; i++) slots[i] = make();
  for (int step = 0; step < steps; step++) {
    if (random_below(2) == 0) act();
    if (random_below(8) == 0) CHECK_OK(copas_post(c, on_post, NULL));
    if (awake < SLEEPERS) CHECK_OK(copas_addthread(c, sleep_and_act, NULL, NULL));
    copas_status status = copas_step(c, random_below(2) == 0 ? 0 : 0.0005);
    if (status != COPAS_TIMEOUT) CHECK_OK(status);
  }
  stop();
  printf("(%d runs, %d alarms) ", runs, alarms);
  CHECK(runs > steps / 20 && alarms > steps / 50);
}

static void timers_behave_as_in_a_simple_model(void)
{
  const char *only = getenv("COPAS_TEST_SEED");
  if (only != NULL) {
    run_seed((uint32_t)strtoul(only, NULL, 10));
    return;
  }
  for (uint32_t seed = 1; seed <= 2; seed++) run_seed(seed);
}

int main(void)
{
  RUN(timers_behave_as_in_a_simple_model);
  return check_report();
}
