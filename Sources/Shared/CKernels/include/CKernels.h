#pragma once
#include "tare_evaluation.h"
#include "tare_fake_quantize.h"
#include "tare_integers.h"
#include "tare_onednn.h"
#include "tare_statistics.h"
#include "tare_training.h"
#include "tare_training_onednn.h"
