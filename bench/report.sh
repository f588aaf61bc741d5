#!/bin/sh
# report.sh [--check] - makes the tables in docs/performance.md of what measure.sh
# has left in docs/performance, and has plot.sh draw its pictures. Each table
# stands between two marks in the document, which stay. --check changes nothing,
# and fails where the document shows something else than was measured.
set -eu

document=docs/performance.md
folder=docs/performance
case $*:$# in
:0 | --check:1) ;;
*)
	echo "report.sh: '$*' is not --check, the only option" >&2
	exit 2
	;;
esac
for file in wanted.csv run-1.csv run-2.csv run-3.csv growth.csv machine.txt; do
	if [ ! -r "$folder/$file" ]; then
		echo "report.sh: there is no $folder/$file; measure.sh makes it" >&2
		exit 2
	fi
done

figures()
{
	echo '| figure | unit | ours | beside | its value | ratio | in its rounds | in three runs | wanted | |'
	echo '|---|---|---|---|---|---|---|---|---|---|'
	awk -f bench/ratios.awk "$folder/wanted.csv" "$folder"/run-[123].csv |
		awk -F , -f bench/number.awk -f /dev/fd/3 3<<-'TABLE'
			NR > 1 {
				wish = $11 > 0 ? number($11) : ""
				met = wish == "" ? "" : $6 >= $11 ? "met" : "not met"
				printf "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
					$1, $2, number($3), $4, number($5), number($6),
					spread($7, $8), spread($9, $10), wish, met
			}
		TABLE
}

# Makes of a run's rows, for each bare peer with a wish, one with that peer's own
# ratio to CPython; in the place of its value stands the wish beside CPython.
bare_beside_cpython()
{
	awk -F , -v OFS=, '
		NR == FNR { wanted[$1, $3] = $4; next }
		FNR == 1 { print }
		$4 == "CPython" { name = $1; ratio = $6; next }
		$1 == name && wanted[$1, $4] > 0 {
			$5 = wanted[$1, "CPython"]
			$6 = ratio / $6
			print
		}' "$folder/wanted.csv" "$1"
}

# What is wanted beside a bare peer, and beside CPython.
wishes()
{
	echo '| figure | bare peer | its ratio to CPython | in three runs | wanted beside it | so beside CPython | in three runs | wanted beside CPython |'
	echo '|---|---|---|---|---|---|---|---|'
	for run in 1 2 3; do
		bare_beside_cpython "$folder/run-$run.csv" >"$made/run-$run.csv"
	done
	awk -f bench/ratios.awk "$folder/wanted.csv" "$made"/run-[123].csv |
		awk -F , -f bench/number.awk -f /dev/fd/3 3<<-'TABLE'
			NR > 1 {
				printf "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n",
					$1, $4, number($6), spread($9, $10),
					number($11), number($6 * $11),
					spread($9 * $11, $10 * $11), number($5)
			}
		TABLE
}

# Of each growth the least and the largest n.
growth()
{
	echo '| growth | unit | least n | its cost | largest n | its cost | times |'
	echo '|---|---|---|---|---|---|---|'
	awk -F , -f bench/number.awk -f /dev/fd/3 "$folder/growth.csv" 3<<-'TABLE'
		function finish() {
			if (name != "")
				printf "%s %s | %s | %s |\n", first, number(n), cost,
					number(value / least)
		}
		FNR == 1 { next }
		$1 != name {
			finish()
			name = $1
			least = $5
			first = sprintf("| `%s` | %s | %s | %s (%s) |", $1, $4,
				number($3), number($5), spread($6, $7))
		}
		{
			n = $3
			value = $5
			cost = sprintf("%s (%s)", number($5), spread($6, $7))
		}
		END { finish() }
	TABLE
}

machine()
{
	cat "$folder/machine.txt"
}

# Puts what one of these prints between its marks.
put()
{
	begin="^<!-- $1, made by bench\/report.sh -->\$"
	if ! grep -q "$begin" "$made/document"; then
		echo "report.sh: $document has no mark of $1" >&2
		exit 1
	fi
	{
		echo
		"$1"
		echo
	} >"$made/$1"
	sed -e "/$begin/,/^<!-- end -->\$/{/^<!--/!d;}" \
		-e "/$begin/r $made/$1" "$made/document" >"$made/next"
	mv "$made/next" "$made/document"
}

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cp "$document" "$made/document"
put machine
put figures
put wishes
put growth
if [ $# -eq 1 ]; then
	if ! diff "$document" "$made/document"; then
		echo "report.sh: $document is not what was measured; run report.sh" >&2
		exit 1
	fi
else
	cp "$made/document" "$document"
	sh bench/plot.sh "$folder"
fi
