#include "backoff.h"

#include <math.h>

bool backoff_is_seconds(double value) {
  return isfinite(value) && value >= 0;
}

double backoff_delay(double uniform, int attempt, double base, double cap) {
  double ceiling = ldexp(base, attempt); /* infinite for big attempts, which is still above the cap */
  return uniform * (ceiling < cap ? ceiling : cap);
}

void backoff_budget_init(backoff_budget *budget, int capacity) {
  budget->capacity = capacity;
  budget->level = capacity;
}

bool backoff_budget_take(backoff_budget *budget, int cost) {
  if (budget->level < cost) {
    return false;
  }
  budget->level -= cost;
  return true;
}

void backoff_budget_refund(backoff_budget *budget, int tokens) {
  int room = budget->capacity - budget->level;
  budget->level += tokens < room ? tokens : room;
}
