// Decimal fractions of JSON made into doubles faster than std::from_chars does: the usual ones, of at most 19 digits
// and without an exponent, by one division.
#pragma once

namespace roost::bridge {

// The double that is nearest to the number at the front of [number, end): an optional minus, digits, a point, digits.
// Returns where it ends, or nullptr where it is not of that form, has more digits, has an exponent, or where rounding
// is not sure; value is unspecified then. Does not look for zeros in front, and digits must be there before the point.
const char* read_decimal(const char* number, const char* end, double& value);

}  // namespace roost::bridge
