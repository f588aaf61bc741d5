# number.awk - numbers as people read them: three digits that count, or whole
# thousands apart.
function number(x,    text, place) {
	if (x < 1000)
		return sprintf("%.3g", x)
	text = sprintf("%.0f", x)
	for (place = length(text) - 3; place > 0; place -= 3)
		text = substr(text, 1, place) "," substr(text, place + 1)
	return text
}

function spread(low, high) {
	return number(low) " to " number(high)
}
